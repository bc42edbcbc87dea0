import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';

const GENERATION = 'workflows:generation';
const LIFETIME_SECONDS = 30;

/**
 * Answers that are remembered in Redis until something changes, and for 30 seconds at most. Without Redis everything
 * works as before, from the database.
 *
 * Each change names a new generation, and answers are remembered under the generation that was asked for before the
 * database was: an answer that was read before a change and arrives after it is never found again.
 */
export function createCache(url, log) {
  if (!url) return { remembered: (key, make) => make(), changed: async () => {}, state: () => 'off', close() {} };
  const redis = connect(url, log);
  let changes = 0;
  let announced = 0;

  async function announce() {
    const before = changes;
    await redis.set(GENERATION, randomUUID());
    announced = Math.max(announced, before);
  }

  async function generation() {
    if (announced < changes) await announce(); // Redis was away when something changed: what it has may be old
    return (await redis.get(GENERATION)) ?? 'first';
  }

  return {
    /** The answer under this key, or what `make` answers, remembered from now on. */
    async remembered(key, make) {
      const now = await attempt(generation);
      if (now === undefined) return make();
      const name = `workflows:${now}:${key}`;
      const known = await attempt(() => redis.get(name));
      if (known) return JSON.parse(known);
      const answer = await make();
      await attempt(() => redis.set(name, JSON.stringify(answer), 'EX', LIFETIME_SECONDS));
      return answer;
    },

    /** To be called after each change, before anybody is told of it. */
    async changed() {
      changes += 1;
      await attempt(announce);
    },

    state: () => (redis.status === 'ready' ? 'ok' : 'unavailable'),

    close: () => redis.disconnect(),
  };
}

/** A client that never makes a request wait for a Redis that is not there, and logs a change of state once. */
function connect(url, log) {
  const redis = new Redis(url, {
    connectTimeout: 2_000,
    commandTimeout: 500,
    socketTimeout: 1_000, // a peer that says nothing any more is none
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempts) => Math.min(100 * attempts, 2_000),
  });
  let lost = false;
  redis.on('ready', () => {
    lost = false;
    log('info', 'cache.ready');
  });
  redis.on('error', (error) => {
    if (!lost) log('warning', 'cache.unavailable', { error: error.message, code: error.code });
    lost = true;
  });
  return redis;
}

async function attempt(work) {
  try {
    return await work();
  } catch {
    return undefined; // a cache that fails is a cache that does not know
  }
}
