/** The server of the example. It is started behind the gate, and so takes the schema for granted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createCache } from './cache.js';
import { createDatabase } from './database.js';
import { createApplication } from './http.js';
import { described, log } from './log.js';
import { settingsOf, SettingsInvalid } from './settings.js';
import { createWorkflows } from './workflows.js';

const DRAIN_MILLISECONDS = 8_000; // Docker waits for ten seconds
const FAREWELL_MILLISECONDS = 500;

function start() {
  const settings = settingsOf(process.env);
  const database = createDatabase(settings.database);
  const cache = createCache(settings.redis, log);
  const server = createApplication({ workflows: createWorkflows(database, cache), database, cache });
  server.on('error', (error) => {
    log('error', 'server.failed', described(error));
    process.exit(1);
  });
  server.listen(settings.port, () => log('info', 'server.listening', { port: server.address().port }));
  stopOnSignal(server, database, cache);
}

/** The first signal lets requests finish, for a while; the second one ends it. */
function stopOnSignal(server, database, cache) {
  let stopping = false;
  const stop = (signal) => {
    if (stopping) process.exit(1);
    stopping = true;
    log('info', 'server.stopping', { signal });
    const late = setTimeout(() => server.closeAllConnections(), DRAIN_MILLISECONDS);
    server.close(async () => {
      clearTimeout(late);
      cache.close();
      // A statement that still waits in MySQL would hold us up. Left alone, its transaction is taken back.
      await Promise.race([database.close().catch(() => {}), sleep(FAREWELL_MILLISECONDS)]);
      log('info', 'server.stopped');
      process.exit(0);
    });
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

try {
  start();
} catch (error) {
  if (!(error instanceof SettingsInvalid)) throw error;
  log('error', 'settings.invalid', { problems: error.problems });
  process.exitCode = 1;
}
