/** One JSON object a line on stdout; numbers carry their unit in the name. */
export function log(level, event, fields = {}) {
  const line = { timestamp: new Date().toISOString(), level, event, ...fields };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** What is logged of an error, and never sent to a client. */
export function described(error) {
  return { error: String(error?.message ?? error), code: error?.code, errno: error?.errno, stack: error?.stack };
}
