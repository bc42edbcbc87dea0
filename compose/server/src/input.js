import { Refused } from './refused.js';

export const WORKFLOW_TYPES = ['feature', 'bugfix', 'refactor', 'documentation', 'review', 'new_module'];
export const STATUSES = [
  'pending',
  'pending_fix',
  'running',
  'planning',
  'coding',
  'security_linting',
  'testing',
  'reviewing',
  'documenting',
  'completed',
  'completed_with_warnings',
  'failed',
];
const MODULE_CHARACTERS = 255; // varchar(255)
const DESCRIPTION_BYTES = 65_535; // text
const MODULES = 50;
const PAGE = 50;
const LONGEST_PAGE = 100;

/** What a client asks to be made: type, description, modules in order and without duplicates, the primary one first. */
export function newWorkflow(body) {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    throw new Refused(400, 'The body has to be a JSON object');
  }
  const { workflowType, taskDescription } = body;
  if (!given(workflowType) || !given(taskDescription)) {
    throw new Refused(400, 'workflowType and taskDescription are required');
  }
  if (!WORKFLOW_TYPES.includes(workflowType)) {
    const validTypes = WORKFLOW_TYPES;
    throw new Refused(400, `Invalid workflowType. Valid types: ${validTypes.join(', ')}`, { validTypes });
  }
  const description = text('taskDescription', taskDescription);
  if (Buffer.byteLength(description) > DESCRIPTION_BYTES) {
    throw new Refused(400, `taskDescription is longer than ${DESCRIPTION_BYTES} bytes`);
  }
  return { workflowType, taskDescription: description, modules: modulesOf(body) };
}

/** Which part of the list a client asks for. */
export function pageOf(query) {
  const status = single(query, 'status');
  if (status !== null && !STATUSES.includes(status)) {
    throw new Refused(400, `Invalid status. Valid statuses: ${STATUSES.join(', ')}`, { validStatuses: STATUSES });
  }
  return {
    limit: whole(query, 'limit', PAGE, 1, LONGEST_PAGE),
    offset: whole(query, 'offset', 0, 0, Number.MAX_SAFE_INTEGER),
    status,
  };
}

function modulesOf({ targetModule, targetModules }) {
  if (targetModules !== undefined && targetModules !== null && !Array.isArray(targetModules)) {
    throw new Refused(400, 'targetModules has to be an array of strings');
  }
  const names = [...(given(targetModule) ? [targetModule] : []), ...(targetModules ?? [])];
  if (!names.length) throw new Refused(400, 'targetModule or targetModules is required');
  const modules = [...new Set(names.map((name) => text('The name of a module', name).trim()))];
  if (modules.some((name) => !name || [...name].length > MODULE_CHARACTERS)) {
    throw new Refused(400, `The name of a module has 1 to ${MODULE_CHARACTERS} characters`);
  }
  if (modules.length > MODULES) throw new Refused(400, `A workflow has at most ${MODULES} modules`);
  return modules;
}

const given = (value) =>
  value !== undefined && value !== null && !(typeof value === 'string' && value.trim() === '');

function text(what, value) {
  if (typeof value !== 'string') throw new Refused(400, `${what} has to be a string`);
  if (!value.isWellFormed()) throw new Refused(400, `${what} is not well-formed Unicode`);
  return value;
}

function single(query, name) {
  const values = query.getAll(name);
  if (values.length > 1) throw new Refused(400, `${name} is given more than once`);
  return values[0] ?? null;
}

function whole(query, name, otherwise, least, most) {
  const value = single(query, name);
  if (value === null) return otherwise;
  const number = /^\d{1,16}$/.test(value) ? Number(value) : NaN;
  if (!(number >= least && number <= most)) {
    throw new Refused(400, `${name} has to be a whole number from ${least} to ${most}`);
  }
  return number;
}
