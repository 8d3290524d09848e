// The inside’s end of the messages: writes into the outbox, takes from the inbox. For the programs beside it, which run in a cage as the
// agent does; the host checks all of it once more.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { faultsOf, ID_PATTERN, MAX_MESSAGE_BYTES, MESSAGE_TYPES, typesFrom } from './message-types.mjs';

const BUS = process.env.IRONCAGE_BUS ?? '/ironcage/bus';
const [OUTBOX, INBOX, TAKEN] = ['outbox', 'inbox', 'read'].map((name) => join(BUS, name));
const ID = new RegExp(ID_PATTERN);
/** 2020: with it numbers have twelve digits until 2051. */
const FIRST_MS = 1_577_836_800_000;
/** Between two looks where nothing tells of a change: gVisor tells of none that is made outside. */
const LOOK_MS = 1_000;

let lastSeq = 0;

/** Sends a message and returns its id; throws an error that says what is wrong, and shows one that is right. */
export function send(type, payload, { replyTo } = {}) {
  const faults = faultsOf('cage', type, payload);
  if (replyTo !== undefined && !ID.test(replyTo)) faults.push(`${JSON.stringify(replyTo)} is no id of a message`);
  const nowMs = Date.now();
  const id = `m-${nowMs.toString(36)}-${randomBytes(6).toString('hex')}`;
  // Of one sender it always rises; of two, the later one has the higher number.
  const seq = (lastSeq = Math.max(nowMs - FIRST_MS, lastSeq + 1));
  const run = process.env.IRONCAGE_RUN ?? '';
  const envelope = { version: 1, id, seq, type, time: new Date(nowMs).toISOString(), replyTo, run, payload };
  if (!ID.test(run)) delete envelope.run;
  const text = faults.length > 0 ? '' : `${JSON.stringify(envelope)}\n`;
  if (Buffer.byteLength(text) > MAX_MESSAGE_BYTES) {
    faults.push(`it is larger than ${MAX_MESSAGE_BYTES} bytes: put the bulk into a file and name that`);
  }
  if (faults.length > 0) throw new Error(`not sent: ${faults.join('; ')}\n${exampleOf(type)}`);
  mkdirSync(OUTBOX, { recursive: true });
  const unfinished = join(OUTBOX, `.${id}.tmp`);
  try {
    writeFileSync(unfinished, text, { flag: 'wx', flush: true });
    renameSync(unfinished, join(OUTBOX, `${String(seq).padStart(12, '0')}-${id}.json`));
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
  return id;
}

/** What a message of this type looks like, or of every type where there is no such one. */
export function exampleOf(type) {
  const known = typesFrom('cage');
  const lines = (known.includes(type) ? [type] : known).map(
    (name) => `  cage-send ${name} '${JSON.stringify(MESSAGE_TYPES[name].example)}'`,
  );
  return ['for example:', ...lines].join('\n');
}

/**
 * The next message that `wanted` accepts, once it is there; undefined after `timeoutMs`. Nobody else gets it: of several that wait one takes
 * it, by moving its file. What is not wanted stays for others.
 */
export async function receive(wanted, timeoutMs, signal) {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const message = takeNext(wanted);
    const leftMs = endMs - performance.now();
    if (message !== undefined || leftMs <= 0 || signal?.aborted) return message;
    await change(Math.min(LOOK_MS, leftMs));
  }
}

function takeNext(wanted) {
  mkdirSync(TAKEN, { recursive: true });
  for (const name of namesIn(INBOX)
    .filter((entry) => /^[^.].*\.json$/.test(entry))
    .sort()) {
    const file = join(INBOX, name);
    const message = parse(file);
    if (message !== undefined && !wanted(message)) continue;
    const isNew = !existsSync(join(TAKEN, name));
    try {
      renameSync(file, join(TAKEN, name));
    } catch (error) {
      // Another one was faster.
      if (error.code === 'ENOENT') continue;
      throw error;
    }
    if (message !== undefined && isNew) return message;
  }
  return undefined;
}

function parse(file) {
  try {
    const message = JSON.parse(readFileSync(file, 'utf8'));
    return typeof message?.type === 'string' && typeof message.payload === 'object' ? message : undefined;
  } catch {
    return undefined;
  }
}

function namesIn(directory) {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

function change(timeoutMs) {
  return new Promise((resolve) => {
    let watcher;
    const end = () => {
      clearTimeout(timer);
      watcher?.close();
      resolve();
    };
    const timer = setTimeout(end, timeoutMs);
    try {
      watcher = watch(INBOX, end).on('error', end);
    } catch {
      // There is no inbox yet.
    }
  });
}
