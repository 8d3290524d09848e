// Work in and out beside what peers do it with, in one run over one corpus: into a cage, the change of 20 files, out again, and a fork.
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
  const begin = performance.now();
  const { status, stdout, stderr } = spawnSync(program, args, {
    env,
    cwd: project,
    maxBuffer: 2 ** 30,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return { ms: performance.now() - begin, stdout };
}

const ironcage = (...args) => need(process.execPath, cli, ...args);
const knows = (command) => spawnSync(process.execPath, [cli, command, '--help'], { env }).status === 0;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** The median of some rounds; `once` gives the milliseconds of one, or is a command line. */
function measure(name, once, count = Number(rounds)) {
  const run = typeof once === 'function' ? once : () => need(...once).ms;
  if (count > 1) run();
  const ms = median(Array.from({ length: count }, run));
  rows.push({ name, ms });
  return ms;
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

  measure('node that does nothing', [process.execPath, '-e', '']);
  const copyIn = measure('ironcage create (native)', () => {
    const { ms } = ironcage('create', '--name', 'one');
    ironcage('rm', 'one', '--discard');
    return ms;
  });
  measure('git clone --local', () => need('git', 'clone', '--quiet', '--local', project, fresh('clone')).ms, 1);
  measure('rsync -a', ['rsync', '-a', `${project}/`, twin], 1);
  goal('copy-in, ms', copyIn, 150);

  ironcage('create', '--name', 'one');
  const strategy = JSON.parse(ironcage('show', 'one', '--json').stdout).workspaceStrategy;
  ironcage('exec', 'one', '--', 'sh', '-ec', 'for f; do echo changed >>"$f"; done', 'sh', ...edited);
  ironcage('stop', 'one');
  for (const path of edited) writeFileSync(join(twin, path), `${readFileSync(join(twin, path), 'utf8')}changed\n`);
  const diff = measure('ironcage diff, 20 files changed', [process.execPath, cli, 'diff', 'one']);
  const dryRun = measure('rsync -a --dry-run', ['rsync', '-a', '--dry-run', '--itemize-changes', `${twin}/`, project]);
  const status = measure('git status', ['git', '-C', twin, 'status', '--porcelain']);
  goal('diff / rsync --dry-run', diff / dryRun, 0.05);
  goal('diff / git status', diff / status, 2);

  if (knows('export')) {
    const out = measure('ironcage export of the 20 files', () => {
      const target = fresh('out');
      need('cp', '-al', `${twin}/.`, target);
      return ironcage('export', 'one', '-o', target, '--force').ms;
    });
    const target = fresh('copied');
    const copy = measure(
      'cp of the 20 files',
      () => need('cp', '--parents', '-t', need('mkdir', '-p', target) && target, ...edited).ms,
    );
    goal('export / cp', out / copy, 1.5);
  }
  if (knows('fork')) {
    const fork = measure('ironcage fork', () => {
      const { ms } = ironcage('fork', 'one', 'two');
      ironcage('rm', 'two', '--discard');
      return ms;
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

/** Until the files are there and a program sees them; the peer's container runs already. */
function measureContainer() {
  const peer = `ironcage-bench-${process.pid}`;
  const inside = (...argv) => need(engine, 'exec', '-i', peer, ...argv);
  try {
    need(engine, 'run', '--detach', '--name', peer, '--volume', '/work', image, 'sleep', '86400');
    const tar = measure(
      'tar | exec tar',
      () => need('sh', '-c', `tar -C "$1" -c . | ${engine} exec -i "$2" tar -C /work -x`, 'sh', project, peer).ms,
      1,
    );
    inside('sh', '-c', 'rm -rf /work/* /work/.git');
    measure(`${engine} cp`, [engine, 'cp', `${project}/.`, `${peer}:/work`], 1);
    const own = measure(
      `ironcage create (${engine})`,
      () => ironcage('create', '--backend', engine, '--image', image, '--name', 'boxed').ms,
      1,
    );
    goal('container copy-in / tar', own / tar, 1);
  } finally {
    spawnSync(engine, ['rm', '--force', '--volumes', peer], { env });
  }
}

function print(strategy) {
  console.log(`${files} files, ${megabytes} MB, native workspace: ${strategy}; median of ${rounds}, milliseconds`);
  for (const { name, ms, ratio, atMost } of rows) {
    const value =
      ms === undefined
        ? `${ratio.toFixed(ratio > 10 ? 0 : 3)} (goal: ${atMost}) ${ratio <= atMost ? 'met' : 'MISSED'}`
        : ms.toFixed(1);
    console.log(`${name.padEnd(36)} ${value.padStart(10)}`);
  }
}
