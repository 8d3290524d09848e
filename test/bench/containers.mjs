// Container cages beside the plain engine, in one run: to the first instruction, and the memory of what stands beside a cage.
// Usage: node test/bench/containers.mjs ENGINE IMAGE [ROUNDS]   (after npm run build; the image is there and has `date`)
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [engine = 'docker', image = 'debian:bookworm-slim', rounds = '20'] = process.argv.slice(2);
const cli = fileURLToPath(new URL('../../bin/ironcage.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'ironcage-bench-'));
const project = join(root, 'project');
// The host's extra authorities cost every node start: they are no part of what is measured.
const { NODE_EXTRA_CA_CERTS: _unused, ...environment } = process.env;
const env = { ...environment, IRONCAGE_HOME: join(root, 'data') };
const PLAIN = `ironcage-bench-${process.pid}`;
const STAMP = ['date', '+%s%N'];
const HARDENED = ['--network', 'none', '--read-only', '--cap-drop', 'ALL', '--ulimit', 'nofile=1024:1024', '--ulimit'];

const call = (program, ...args) => spawnSync(program, args, { env, cwd: project, encoding: 'utf8' });

function need(program, ...args) {
  const result = call(program, ...args);
  if (result.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

const ironcage = (...args) => need(process.execPath, cli, ...args);
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Milliseconds to the stamp that the last command takes inside. */
function once({ commands, before = () => undefined }) {
  before();
  const start = performance.timeOrigin + performance.now();
  const said = commands.map((command) => need(...command)).at(-1);
  return Number(said.trim().split('\n').at(-1)) / 1e6 - start;
}

/** Round by round beside one another: what else the machine does meanwhile slows all of them. The first round counts for nothing. */
function measure(ways) {
  const taken = ways.map(() => []);
  for (let round = 0; round <= Number(rounds); round += 1)
    ways.forEach((way, index) => {
      const ms = once(way);
      if (round > 0) taken[index].push(ms);
    });
  return taken.map(median);
}

/** Kilobytes of a process and all below it, shared pages by their share. */
function memoryOf(pid) {
  const own = Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return children.reduce((sum, child) => sum + memoryOf(child), own);
}

/** What V8 still holds of a start it gives back while nothing happens. */
const settled = () => new Promise((done) => setTimeout(done, 15_000));

const egressOf = (cage) =>
  JSON.parse(readFileSync(join(env.IRONCAGE_HOME, 'cages', cage, 'state.json'), 'utf8')).egress.pid;

try {
  execFileSync('git', ['init', '-q', project]);
  writeFileSync(join(project, 'file'), 'x\n');
  const self = [process.execPath, cli];
  const made = ['--backend', engine, '--image', image, '--name'];
  const create = ['create', ...made];
  const run = { commands: [[engine, 'run', '--rm', ...HARDENED, 'nproc=4096:4096', image, ...STAMP]] };
  const removeTwo = () => call(process.execPath, cli, 'rm', '--discard', 'two');
  need(engine, 'create', '--name', PLAIN, ...HARDENED, 'nproc=4096:4096', '--init', image, 'sleep', '86400');
  ironcage(...create, 'one');
  const exec = (cage) => [...self, 'exec', cage, '--', ...STAMP];
  const pairs = [
    {
      name: 'start, exec',
      plain: {
        commands: [
          [engine, 'start', PLAIN],
          [engine, 'exec', PLAIN, ...STAMP],
        ],
        before: () => call(engine, 'kill', PLAIN),
      },
      cage: { commands: [exec('one')], before: () => ironcage('stop', 'one') },
    },
    {
      name: 'exec',
      plain: { commands: [[engine, 'exec', PLAIN, ...STAMP]] },
      cage: { commands: [exec('one')] },
    },
    {
      name: 'run',
      plain: run,
      cage: { commands: [[...self, 'run', ...made, 'two', 'shell', '--', ...STAMP]], before: removeTwo },
    },
    {
      name: 'run; create, exec',
      plain: run,
      cage: { commands: [[...self, ...create, 'two'], exec('two')], before: removeTwo },
    },
  ];
  console.log(`${engine}, median of ${rounds}, milliseconds to the first instruction; ratio to the plain engine`);
  for (const { name, plain, cage } of pairs) {
    const [plainMs, cageMs] = measure([plain, cage]);
    const numbers = `plain ${plainMs.toFixed(0).padStart(5)}   cage ${cageMs.toFixed(0).padStart(5)}`;
    console.log(`${name.padEnd(20)} ${numbers}   ×${(cageMs / plainMs).toFixed(2)}`);
  }
  await settled();
  const one = memoryOf(egressOf('one'));
  const names = Array.from({ length: 9 }, (_, index) => `more-${index}`);
  for (const name of names) ironcage(...create, name);
  for (const name of names) ironcage('start', name);
  await settled();
  const ten = ['one', ...names].reduce((sum, name) => sum + memoryOf(egressOf(name)), 0);
  console.log(
    `beside a cage: ${(one / 1024).toFixed(0)} MB; beside ten: ${(ten / 1024).toFixed(0)} MB, ×${(ten / one).toFixed(1)}`,
  );
} finally {
  call(engine, 'rm', '--force', PLAIN);
  for (const { name } of JSON.parse(call(process.execPath, cli, 'list', '--json').stdout || '[]'))
    call(process.execPath, cli, 'rm', '--discard', name);
  rmSync(root, { recursive: true, force: true });
}
