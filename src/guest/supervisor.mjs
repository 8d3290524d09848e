// One run, from inside the cage: starts the agent with its prompt on standard input and its output in files, beats while it lives,
// ends it when it is told to, and says how it ended. It lives on without whoever started it. Imports nothing but Node's own.
// In: RUN -- COMMAND…; or --end RUN, which ends what is left of a run.
import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { constants as system } from 'node:os';

/** By it everything that a run has started is known, and a message says which run sent it. */
const MARK = 'IRONCAGE_RUN';
const BEAT_MS = 1000;
const LOOK_MS = 100;
/** Between being asked to end and being ended. */
const GRACE_MS = 5000;
const LEFT_OVER_GRACE_MS = 1000;

const [first, ...rest] = process.argv.slice(2);
// The pipe that it was started with has nobody at its end before long.
process.stderr.on('error', () => undefined);
if (first === '--end') await endMarked(rest[0], GRACE_MS);
else supervise(first, rest.slice(rest.indexOf('--') + 1));

function supervise(run, [program, ...args]) {
  const directory = `/ironcage/bus/runs/${run}`;
  const status = { version: 1, run, state: 'running', supervisor: process.pid, beat: 0 };
  const tell = (change) => {
    Object.assign(status, change);
    try {
      writeFileSync(`${directory}/.status.json`, JSON.stringify(status), { mode: 0o600 });
      renameSync(`${directory}/.status.json`, `${directory}/status.json`);
    } catch {
      // A full disk: the next beat tries again.
    }
  };
  const open = (name, flags) => openSync(`${directory}/${name}`, flags | constants.O_NOFOLLOW, 0o600);
  const fresh = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND;
  // First of all, and only once: a second supervisor of the same run ends here and touches nothing.
  const stdio = [open('stream.log', fresh), open('stderr.log', fresh), open('prompt', constants.O_RDONLY)];
  const [stdout, stderr, stdin] = stdio;
  const env = { ...process.env, [MARK]: run };
  // A group of its own can be ended as one.
  const child = spawn(program, args, { stdio: [stdin, stdout, stderr], detached: true, env });
  for (const fd of stdio) closeSync(fd);
  let told;
  const stop = (by) => {
    if (told !== undefined) return;
    told = by;
    signalGroup(child.pid, 'SIGTERM');
    setTimeout(() => signalGroup(child.pid, 'SIGKILL'), GRACE_MS).unref();
  };
  process.on('SIGTERM', () => stop('cage'));
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
  const timers = [
    setInterval(() => tell({ beat: status.beat + 1 }), BEAT_MS),
    setInterval(() => existsSync(`${directory}/control.json`) && stop('control'), LOOK_MS),
  ];
  const end = (change) => {
    for (const timer of timers) clearInterval(timer);
    tell({ ...change, ...(told === undefined ? {} : { told }) });
    process.exit(0);
  };
  child.once('error', (error) => end({ state: 'failed', error: error.message.slice(0, 500) }));
  child.once('spawn', () => tell({ agent: child.pid }));
  child.once('exit', async (code, signal) => {
    // What it left behind ends with it.
    signalGroup(child.pid, 'SIGTERM');
    await endMarked(run, LEFT_OVER_GRACE_MS);
    end({ state: 'exited', exitCode: code ?? 128 + (system.signals[signal] ?? 0), signal });
  });
}

function signalGroup(leader, signal) {
  try {
    process.kill(-leader, signal);
  } catch {
    // Nobody is left in it.
  }
}

/** Ends what carries the mark of a run: first by asking. */
async function endMarked(run, graceMs) {
  const end = Date.now() + graceMs;
  for (let left = marked(run), asked = false; left.length > 0; left = marked(run)) {
    const isLate = Date.now() > end;
    if (!asked || isLate) for (const pid of left) signal(pid, isLate ? 'SIGKILL' : 'SIGTERM');
    asked = true;
    if (Date.now() > end + GRACE_MS) return;
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch {
    // Gone meanwhile.
  }
}

function marked(run) {
  const wanted = `${MARK}=${run}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid) && isMarked(name, wanted))
    .map(Number);
}

function isMarked(pid, wanted) {
  try {
    // Of a zombie it is empty.
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(wanted);
  } catch {
    // Gone meanwhile, or not ours to see.
    return false;
  }
}
