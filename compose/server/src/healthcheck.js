/** Ends with 0 if the server beside it says that it is well: what HEALTHCHECK runs. */
const answer = await fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health`, {
  signal: AbortSignal.timeout(4_000),
}).catch(() => null);
process.exitCode = answer?.ok ? 0 : 1;
