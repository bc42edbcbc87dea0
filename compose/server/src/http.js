import { createServer } from 'node:http';
import { newWorkflow, pageOf } from './input.js';
import { described, log } from './log.js';
import { Refused } from './refused.js';

const BODY_BYTES = 256 * 1024;
const HEALTH_MILLISECONDS = 2_000;

/** The HTTP side: which address means what, and every answer as JSON, errors included. */
export function createApplication({ workflows, database, cache }) {
  const routes = new Map([
    ['/health', { GET: health }],
    ['/api/workflows', { GET: async ({ query }) => [200, await workflows.list(pageOf(query))] }],
    ['/api/workflows/manual', { POST: create }],
  ]);
  const server = createServer({ requestTimeout: 30_000 }, (request, response) => {
    void respond(request, response);
  });
  return server;

  async function health() {
    const ready = await database.answers(HEALTH_MILLISECONDS);
    const state = { database: ready ? 'ok' : 'unavailable', cache: cache.state() };
    return ready ? [200, { status: 'ok', ...state }] : [503, { status: 'unavailable', ...state }];
  }

  async function create({ request }) {
    const workflowId = await workflows.create(newWorkflow(await bodyOf(request)));
    return [201, { message: 'Workflow created successfully', workflowId }];
  }

  async function respond(request, response) {
    const began = performance.now();
    const [path, search] = addressOf(request.url);
    let answer;
    try {
      answer = await handlerOf(path, request.method)({ request, query: new URLSearchParams(search) });
    } catch (error) {
      answer = failed(request, path, error);
    }
    const [status, body, headers = {}] = answer;
    if (!response.destroyed) {
      const text = `${JSON.stringify(body)}\n`;
      if (!server.listening) response.setHeader('connection', 'close'); // we are asked to stop
      response.writeHead(status, {
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(text),
        'cache-control': 'no-store',
        ...headers,
      });
      response.end(text);
    }
    if (path === '/health' && status === 200) return;
    const elapsed_seconds = Number(((performance.now() - began) / 1000).toFixed(4));
    log('info', 'request.finished', { method: request.method, path, status, elapsed_seconds });
  }

  function handlerOf(path, method) {
    const methods = routes.get(path);
    if (!methods) throw new Refused(404, 'Not found');
    const handler = methods[method === 'HEAD' ? 'GET' : method];
    if (!handler) {
      const allow = Object.keys(methods).flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name]));
      throw new Refused(405, 'Method not allowed', {}, { allow: allow.join(', ') });
    }
    return handler;
  }
}

function failed(request, path, error) {
  if (error instanceof Refused) return [error.status, error.body, error.headers];
  log('error', 'request.failed', { method: request.method, path, ...described(error) });
  return [500, { error: 'Internal server error' }];
}

/** Path and query of a request, without a parser that could refuse: an address that makes no sense is not found. */
function addressOf(url) {
  const [path, ...rest] = url.split('?');
  return [path, rest.join('?')];
}

/** The JSON of a request. Too long a body is read to its end, so that the client hears why, but it is not kept. */
async function bodyOf(request) {
  const chunks = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      size += chunk.length;
      if (size <= BODY_BYTES) chunks.push(chunk);
    }
  } catch {
    throw new Refused(400, 'The body ended too early');
  }
  if (size > BODY_BYTES) throw new Refused(413, `The body is longer than ${BODY_BYTES} bytes`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch {
    throw new Refused(400, 'The body is not JSON');
  }
}
