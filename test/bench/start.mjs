// How long from a command to the first instruction inside a cage, beside what bounds it, in one run: medians and ratios.
// Usage: node test/bench/start.mjs [ROUNDS]   (after npm run build)
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROUNDS = Number(process.argv[2] ?? 20);
const cli = fileURLToPath(new URL('../../bin/ironcage.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'ironcage-bench-'));
const project = join(root, 'project');
// The host's extra authorities cost every node start: they are no part of what is measured.
const { NODE_EXTRA_CA_CERTS: _unused, ...environment } = process.env;
const env = { ...environment, IRONCAGE_HOME: join(root, 'data') };

const STAMP = ['date', '+%s%N'];
const SPACES = ['user', 'net', 'pid', 'ipc', 'uts', 'cgroup'].map((name) => `--unshare-${name}`);
const BWRAP = ['bwrap', ...SPACES, '--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', '--cap-drop', 'ALL'];
const floor = join(root, 'floor.mjs');
writeFileSync(
  floor,
  `import { spawnSync } from 'node:child_process';
const [program, ...args] = ${JSON.stringify([...BWRAP, ...STAMP])};
spawnSync(program, args, { stdio: 'inherit' });`,
);

/** Milliseconds until the inner command took its stamp, and until the outer command had ended. */
function once([program, ...args], { before, after } = {}) {
  before?.();
  const start = performance.timeOrigin + performance.now();
  const result = spawnSync(program, args, { env, cwd: project, encoding: 'utf8' });
  const endMs = performance.timeOrigin + performance.now() - start;
  if (result.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${result.stderr}`);
  after?.();
  return { firstMs: Number(result.stdout.trim().split('\n').at(-1)) / 1e6 - start, endMs };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function measure(name, command, hooks) {
  once(command, hooks);
  const rounds = Array.from({ length: ROUNDS }, () => once(command, hooks));
  return { name, first: median(rounds.map(({ firstMs }) => firstMs)), end: median(rounds.map(({ endMs }) => endMs)) };
}

const ironcage = (...args) => execFileSync(process.execPath, [cli, ...args], { env, cwd: project, stdio: 'pipe' });

try {
  execFileSync('git', ['init', '-q', project]);
  writeFileSync(join(project, 'file'), 'x\n');
  const self = [process.execPath, cli];
  const rows = [
    measure('plain command', STAMP),
    measure('bwrap, hardened', [...BWRAP, ...STAMP]),
    measure('node, then bwrap (floor)', [process.execPath, floor]),
    measure('new cage', [...self, 'run', 'shell', '--', ...STAMP], {
      before: () => spawnSync(process.execPath, [cli, 'rm', '--discard'], { env, cwd: project }),
    }),
    measure('existing cage', [...self, 'run', 'shell', '--', ...STAMP]),
  ];
  ironcage('start');
  rows.push(measure('exec into a running cage', [...self, 'exec', '--', ...STAMP]));
  ironcage('rm', '--discard');
  const base = rows[2].first;
  console.log(`median of ${ROUNDS}, milliseconds; ratio to the floor`);
  for (const { name, first, end } of rows) {
    console.log(
      `${name.padEnd(28)} first instruction ${first.toFixed(1).padStart(7)}   ×${(first / base).toFixed(2)}   command ended ${end.toFixed(1).padStart(7)}`,
    );
  }
} finally {
  spawnSync(process.execPath, [cli, 'rm', '--discard'], { env, cwd: project });
  rmSync(root, { recursive: true, force: true });
}
