import { readFileSync } from 'node:fs';

/** The environment is wrong; `problems` has every problem, and no value of a secret. */
export class SettingsInvalid extends Error {
  constructor(problems) {
    super(problems.join(' '));
    this.problems = problems;
  }
}

/**
 * The settings in an environment: DB_HOST, DB_PORT, DB_USER, DB_PASSWORD or DB_PASSWORD_FILE, DB_NAME, REDIS_URL, PORT.
 * An empty variable counts as not given, but for the password: there it means none.
 */
export function settingsOf(environment) {
  const problems = [];
  const found = {
    database: {
      host: environment.DB_HOST || 'localhost',
      port: portOf('DB_PORT', 3306),
      user: required('DB_USER'),
      password: password(),
      database: required('DB_NAME'),
    },
    redis: redis(),
    port: portOf('PORT', 3000),
  };
  if (problems.length) throw new SettingsInvalid(problems);
  return found;

  function required(name) {
    if (!environment[name]) problems.push(`${name} is missing.`);
    return environment[name];
  }

  function portOf(name, otherwise) {
    const text = environment[name] || String(otherwise);
    if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) problems.push(`${name} is not the number of a port.`);
    return Number(text);
  }

  function password() {
    const { DB_PASSWORD: given, DB_PASSWORD_FILE: file } = environment;
    if (given && file) problems.push('DB_PASSWORD and DB_PASSWORD_FILE are both given; which one counts?');
    if (!file && given === undefined) problems.push('DB_PASSWORD or DB_PASSWORD_FILE is missing.');
    if (!file) return given;
    try {
      return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    } catch (error) {
      problems.push(`DB_PASSWORD_FILE cannot be read: ${error.code}.`);
      return undefined;
    }
  }

  function redis() {
    const url = environment.REDIS_URL;
    if (url && !(URL.canParse(url) && /^rediss?:$/.test(new URL(url).protocol))) {
      problems.push('REDIS_URL is not a URL like redis://host:6379.');
    }
    return url || null;
  }
}
