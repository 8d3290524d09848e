// Work in and out beside what peers do it with, in one run over one corpus: into a cage, the change of 20 files, out again, and a fork.
// What is compared takes turns, so that whatever else this machine does meets all of it; processor time is the second measure.
// Usage: node test/bench/work.mjs [FILES] [MEGABYTES] [ROUNDS] [ENGINE] [IMAGE]   (after npm run build)
// The corpus of the goals is 50000 files, 1000 MB. An ordinary user gets overlays, root gets copies; ENGINE (docker) adds a container.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingPrograms } from './egress/programs.mjs';
import { makeCorpus } from './work/corpus.mjs';

const [files = '5000', megabytes = '100', rounds = '5', engine, image = 'debian:bookworm-slim'] = process.argv.slice(2);
const cli = fileURLToPath(new URL('../../bin/ironcage.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'ironcage-bench-'));
const project = join(root, 'project');
/** The project as a peer has it, with the same change. */
const twin = join(root, 'twin');
// The host's extra authorities cost every node start: they are no part of what is measured.
const { NODE_EXTRA_CA_CERTS: _unused, ...environment } = process.env;
const env = { ...environment, IRONCAGE_HOME: join(root, 'data') };
const changed = Array.from({ length: 20 }, (_, index) => Math.floor((index * Number(files)) / 20));

function need(...argv) {
  const [program, ...args] = argv;
  const [begin, cpuBegin] = [performance.now(), cpuOfChildren()];
  const { status, stdout, stderr } = spawnSync(program, args, {
    env,
    cwd: project,
    maxBuffer: 2 ** 30,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return { ms: performance.now() - begin, cpu: cpuOfChildren() - cpuBegin, stdout };
}

/** Milliseconds, in steps of ten, of all that was started and has ended: Node tells it of itself alone. */
function cpuOfChildren() {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

const ironcage = (...args) => need(process.execPath, cli, ...args);
const knows = (command) => spawnSync(process.execPath, [cli, command, '--help'], { env }).status === 0;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/**
 * Medians of some rounds in which these take turns, each after one that does not count; a function gives what `need` gave for the part
 * that counts, anything else is a command line. `once`: names of what is slow, and gets one round.
 */
function compare(contenders, once = []) {
  const runs = Object.entries(contenders).map(([name, run]) => ({
    name,
    run: typeof run === 'function' ? run : () => need(...run),
    took: [],
  }));
  for (let round = 0; round <= Number(rounds); round += 1) {
    for (const { name, run, took } of runs) {
      if (once.includes(name) ? round === 1 : true) took.push(run());
    }
  }
  return Object.fromEntries(
    runs.map(({ name, took }) => {
      const counted = once.includes(name) ? took : took.slice(1);
      const ms = median(counted.map((each) => each.ms));
      const cpu = counted.reduce((sum, each) => sum + each.cpu, 0) / counted.length;
      rows.push({ name, ms, cpu });
      return [name, ms];
    }),
  );
}

function goal(name, ratio, atMost) {
  rows.push({ name: `  ${name}`, ratio, atMost });
}

const missing = missingPrograms(['git', 'rsync']);
if (missing.length > 0) {
  console.log(`work bench skipped: ${missing.join(' and ')} not found`);
  process.exit(0);
}

const rows = [];
const fresh = (() => {
  let number = 0;
  return (name) => join(root, `${name}-${(number += 1)}`);
})();

try {
  const paths = makeCorpus(project, Number(files), Number(megabytes) * 1e6);
  const edited = changed.map((index) => paths[index]);
  need('git', 'gc', '--quiet');

  const floor = ['node that does nothing', 'git clone --local', 'rsync -a'];
  const into = compare(
    {
      [floor[0]]: [process.execPath, '-e', ''],
      'ironcage create (native)': () => {
        const made = ironcage('create', '--name', 'one');
        ironcage('rm', 'one', '--discard');
        return made;
      },
      'git status of the project': ['git', 'status', '--porcelain'],
      [floor[1]]: () => need('git', 'clone', '--quiet', '--local', project, fresh('clone')),
      [floor[2]]: ['rsync', '-a', `${project}/`, twin],
    },
    floor.slice(1),
  );
  const copyIn = into['ironcage create (native)'];
  goal('copy-in, ms', copyIn, 150);
  goal('copy-in / rsync -a', copyIn / into['rsync -a'], 1);

  ironcage('create', '--name', 'one');
  const strategy = JSON.parse(ironcage('show', 'one', '--json').stdout).workspaceStrategy;
  ironcage('exec', 'one', '--', 'sh', '-ec', 'for f; do echo changed >>"$f"; done', 'sh', ...edited);
  ironcage('stop', 'one');
  for (const path of edited) writeFileSync(join(twin, path), `${readFileSync(join(twin, path), 'utf8')}changed\n`);
  const seen = compare({
    'ironcage diff, 20 files changed': [process.execPath, cli, 'diff', 'one'],
    'rsync -a --dry-run': ['rsync', '-a', '--dry-run', '--itemize-changes', `${twin}/`, project],
    'git status': ['git', '-C', twin, 'status', '--porcelain'],
  });
  const diff = seen['ironcage diff, 20 files changed'];
  goal('diff / rsync --dry-run', diff / seen['rsync -a --dry-run'], 0.05);
  goal('diff / git status', diff / seen['git status'], 2);

  if (knows('export')) {
    const target = fresh('copied');
    need('mkdir', '-p', target);
    const out = compare({
      'ironcage export of the 20 files': () => {
        const exported = ironcage('export', 'one');
        need('git', 'checkout', '--quiet', '--', '.');
        return exported;
      },
      'ironcage export -o DIR that has all': () => ironcage('export', 'one', '-o', twin),
      'cp of the 20 files': () => need('cp', '--parents', '-t', target, ...edited),
    });
    goal('export / cp', out['ironcage export of the 20 files'] / out['cp of the 20 files'], 1.5);
  }
  if (knows('fork')) {
    const { 'ironcage fork': fork } = compare({
      'ironcage fork': () => {
        const made = ironcage('fork', 'one', 'two');
        ironcage('rm', 'two', '--discard');
        return made;
      },
    });
    goal('fork, ms', fork, 200);
  }
  if (engine !== undefined) measureContainer();
  ironcage('rm', 'one', '--discard');
  print(strategy);
} finally {
  for (const name of ['one', 'two', 'boxed']) spawnSync(process.execPath, [cli, 'rm', name, '--discard'], { env });
  rmSync(root, { recursive: true, force: true });
}

/** Until the files are there and a program could see them; the peer's container runs already. */
function measureContainer() {
  const peer = `ironcage-bench-${process.pid}`;
  const emptied = () => need(engine, 'exec', peer, 'sh', '-c', 'rm -rf /work/* /work/.git');
  try {
    need(engine, 'run', '--detach', '--name', peer, '--volume', '/work', image, 'sleep', '86400');
    const into = compare({
      'tar | exec tar': () => {
        const copied = need(
          'sh',
          '-c',
          `tar -C "$1" -c . | ${engine} exec -i "$2" tar -C /work -x`,
          'sh',
          project,
          peer,
        );
        emptied();
        return copied;
      },
      [`${engine} cp`]: () => {
        const copied = need(engine, 'cp', `${project}/.`, `${peer}:/work`);
        emptied();
        return copied;
      },
      [`ironcage create (${engine})`]: () => {
        const made = ironcage('create', '--backend', engine, '--image', image, '--name', 'boxed');
        ironcage('rm', 'boxed', '--discard');
        return made;
      },
    });
    goal('container copy-in / tar', into[`ironcage create (${engine})`] / into['tar | exec tar'], 1);
  } finally {
    spawnSync(engine, ['rm', '--force', '--volumes', peer], { env });
  }
}

function print(strategy) {
  console.log(
    `${files} files, ${megabytes} MB, native workspace: ${strategy}; ${rounds} rounds in turns, milliseconds`,
  );
  console.log(`${'median'.padStart(49)}${'processor'.padStart(12)}`);
  for (const { name, ms, cpu, ratio, atMost } of rows) {
    const value =
      ms === undefined
        ? `${ratio.toFixed(ratio > 10 ? 0 : 3)} (goal: ${atMost}) ${ratio <= atMost ? 'met' : 'MISSED'}`
        : `${ms.toFixed(1).padStart(12)}${cpu.toFixed(0).padStart(12)}`;
    console.log(`${name.padEnd(37)}${value}`);
  }
}
