// What messages there are between the inside and the outside of a cage: one table for the programs in it, which import nothing of the
// host's, and for the host, which trusts nothing that they checked. Plain data and one check; must not touch anything.

/** Of a whole message as JSON, in bytes. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;
/** How deep arrays and objects of a payload may lie in each other. */
export const MAX_DEPTH = 32;
/** What an id, a run and a reply name. */
export const ID_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$';

/** `from`: who alone may send it. Fields beyond the named ones pass as they are. */
export const MESSAGE_TYPES = {
  task_complete: {
    from: 'cage',
    summary: 'the task is done, or cannot be done: what came of it',
    required: { summary: 'string', exit_code: 'integer' },
    optional: {},
    example: { summary: 'Added the login page; all 42 tests pass', exit_code: 0 },
  },
  progress_update: {
    from: 'cage',
    summary: 'what is being done now',
    required: { status: 'string' },
    optional: { detail: 'string' },
    example: { status: 'writing tests', detail: '3 of 7 files' },
  },
  error: {
    from: 'cage',
    summary: 'something went wrong; the work goes on only where it is recoverable',
    required: { error_type: 'string', message: 'string', recoverable: 'boolean' },
    optional: {},
    example: { error_type: 'build', message: 'the compiler is missing', recoverable: true },
  },
  info_request: {
    from: 'cage',
    summary: 'files or facts are wanted from outside; an info_response answers it',
    required: { request_id: 'string', description: 'string' },
    optional: { paths: 'strings' },
    example: { request_id: 'schema', description: 'the schema of the database', paths: ['db/schema.sql'] },
  },
  going_idle: {
    from: 'cage',
    summary: 'waited in vain, and waits no longer',
    required: { reason: 'string' },
    optional: { waited_seconds: 'number' },
    example: { reason: 'no answer came', waited_seconds: 600 },
  },
  question: {
    from: 'cage',
    summary: 'a decision is wanted from outside; an answer answers it',
    required: { text: 'string' },
    optional: { options: 'strings' },
    example: { text: 'Which database is meant?', options: ['PostgreSQL', 'SQLite'] },
  },
  artifact: {
    from: 'cage',
    summary: 'a file was made that is worth a look',
    required: { path: 'string' },
    optional: { description: 'string' },
    example: { path: 'report.html', description: 'coverage by file' },
  },
  info_response: {
    from: 'user',
    summary: 'answers an info_request',
    required: { request_id: 'string', content: 'string' },
    optional: { files: 'files' },
    text: 'content',
    example: { request_id: 'schema', content: 'create table …' },
  },
  answer: {
    from: 'user',
    summary: 'answers a question',
    required: { text: 'string' },
    optional: { question_id: 'string' },
    text: 'text',
    example: { text: 'PostgreSQL' },
  },
  task_revision: {
    from: 'user',
    summary: 'what is to be done differently, or next',
    required: { instructions: 'string' },
    optional: {},
    text: 'instructions',
    example: { instructions: 'Name the button “Save”' },
  },
  ack: {
    from: 'user',
    summary: 'a message was read',
    required: { acked_id: 'string' },
    optional: {},
    text: 'acked_id',
    example: { acked_id: 'm-1' },
  },
  heartbeat: {
    from: 'host',
    summary: 'a run is alive',
    required: { status: 'string' },
    optional: { detail: 'string' },
    example: { status: 'working' },
  },
  exited: {
    from: 'host',
    summary: 'a run has ended',
    required: { reason: 'string' },
    optional: { exit_code: 'integer', signal: 'string' },
    example: { reason: 'the agent ended', exit_code: 0 },
  },
  note: {
    from: 'host',
    summary: 'what ironcage did: with messages that were none, with a run that has used up its budget',
    required: { text: 'string' },
    optional: {},
    example: { text: '1 file in the outbox was no message' },
  },
};

export function typesFrom(sender) {
  return Object.keys(MESSAGE_TYPES).filter((type) => MESSAGE_TYPES[type].from === sender);
}

const KINDS = {
  string: ['text', (value) => typeof value === 'string'],
  integer: ['a whole number', (value) => Number.isSafeInteger(value)],
  number: ['a number', (value) => Number.isFinite(value)],
  boolean: ['true or false', (value) => typeof value === 'boolean'],
  strings: ['a list of texts', (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'string')],
  files: [
    'a list of {"path", "content"}',
    (value) =>
      Array.isArray(value) &&
      value.every((file) => isObject(file) && typeof file.path === 'string' && typeof file.content === 'string'),
  ],
};

/** What is wrong with a message of this sender's, a line each; empty where nothing is. */
export function faultsOf(sender, type, payload) {
  const known = typesFrom(sender);
  if (!known.includes(type)) return [`there is no type ${JSON.stringify(type)}; there are ${known.join(', ')}`];
  if (!isObject(payload)) return ['the payload is no JSON object'];
  if (isDeep(payload)) return [`the payload is nested deeper than ${MAX_DEPTH} levels`];
  const { required, optional } = MESSAGE_TYPES[type];
  const faults = [];
  for (const [name, kind] of Object.entries({ ...required, ...optional })) {
    const there = Object.hasOwn(payload, name);
    const [title, fits] = KINDS[kind];
    if (!there && name in required) faults.push(`${name} is missing: ${title}`);
    else if (there && !fits(payload[name])) faults.push(`${name} must be ${title}`);
  }
  return faults;
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Level by level, since what is nested a million times over would exhaust the stack of a function that calls itself. */
function isDeep(value) {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true;
    level = level
      .filter((entry) => typeof entry === 'object' && entry !== null)
      .flatMap((entry) => Object.values(entry));
  }
  return false;
}
