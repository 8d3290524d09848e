// How long a snapshot and a fork take of a cage over a large project with a small change, beside copies of the whole, in one run:
// medians. As an ordinary user, whose cages are overlays; root drops to one. Usage: node test/bench/fork.mjs [ROUNDS [FILES]]
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROUNDS = Number(process.argv[2] ?? 7);
const FILES = Number(process.argv[3] ?? 50_000);
const FILE_BYTES = 20_000;
const ORDINARY_UID = 12_345;
const TARGET_MS = 200;
const root = mkdtempSync(join(tmpdir(), 'ironcage-bench-'));

if (process.getuid() === 0) {
  // The same again as somebody else, in a directory of theirs.
  chownSync(root, ORDINARY_UID, ORDINARY_UID);
  const user = ['--reuid', String(ORDINARY_UID), '--regid', String(ORDINARY_UID), '--clear-groups', '--'];
  const args = [...user, process.execPath, fileURLToPath(import.meta.url), String(ROUNDS), String(FILES)];
  const { status } = spawnSync('/usr/bin/env', ['setpriv', ...args], {
    stdio: 'inherit',
    env: { ...process.env, TMPDIR: root },
  });
  rmSync(root, { recursive: true, force: true });
  process.exit(status ?? 1);
}

const cli = fileURLToPath(new URL('../../bin/ironcage.js', import.meta.url));
const project = join(root, 'project');
const { NODE_EXTRA_CA_CERTS: _unused, ...environment } = process.env;
const env = { ...environment, HOME: root, IRONCAGE_HOME: join(root, 'data') };
const ironcage = (...args) => execFileSync(process.execPath, [cli, ...args], { env, cwd: project, stdio: 'pipe' });
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function measure(name, command, after) {
  const times = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now();
    command(round);
    // The first one fills caches.
    if (round > 0) times.push(performance.now() - start);
    after(round);
  }
  return { name, ms: median(times) };
}

try {
  const contents = Buffer.alloc(FILE_BYTES, 'ironcage ');
  for (let number = 0; number < FILES; number++) {
    if (number % 500 === 0) mkdirSync(join(project, String(number / 500)), { recursive: true });
    contents.writeUInt32BE(number);
    writeFileSync(join(project, String(Math.floor(number / 500)), String(number)), contents);
  }
  const git = (...args) =>
    execFileSync('git', ['-c', 'user.name=b', '-c', 'user.email=b@b', ...args], { env, cwd: project });
  git('init', '-q');
  git('add', '.');
  git('commit', '-qm', 'corpus');
  git('repack', '-adq');
  ironcage('create', '--name', 'one');
  ironcage('exec', 'one', '--', 'sh', '-c', 'for i in $(seq 20); do echo $i >0/$i; done');
  ironcage('stop', 'one');
  const copy = join(root, 'copy');
  const away = () => rmSync(copy, { recursive: true, force: true });
  const rows = [
    measure(
      'node alone',
      () => spawnSync(process.execPath, ['-e', '0'], { env }),
      () => undefined,
    ),
    measure(
      'fork',
      (round) => ironcage('fork', 'one', `two-${round}`),
      (round) => ironcage('rm', '--discard', `two-${round}`),
    ),
    measure(
      'snapshot',
      (round) => ironcage('snapshot', 'one', '--name', `s-${round}`),
      (round) => ironcage('snapshot', 'one', '--rm', `s-${round}`),
    ),
  ];
  ironcage('start', 'one');
  rows.push(
    measure(
      'snapshot while it runs',
      (round) => ironcage('snapshot', 'one', '--name', `r-${round}`),
      (round) => ironcage('snapshot', 'one', '--rm', `r-${round}`),
    ),
    measure('git clone --local', () => execFileSync('git', ['clone', '-q', '--local', project, copy], { env }), away),
    measure('cp -a', () => execFileSync('cp', ['-a', project, copy]), away),
  );
  ironcage('rm', '--discard', 'one');
  console.log(`${FILES} files of ${FILE_BYTES} bytes, 20 changed; median of ${ROUNDS}, milliseconds`);
  for (const { name, ms } of rows) console.log(`${name.padEnd(24)} ${ms.toFixed(0).padStart(7)}`);
  console.log(`target of fork: ${TARGET_MS}`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
