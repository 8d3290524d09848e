// Makes the image of the suites in an engine, once: a label tells which packages it has, and one that has them stays.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, type RunResult } from '../../src/platform/processes.ts';
import { pathOfTests, TEST_IMAGE } from './engines.ts';

const RELEASE = 'bookworm';
const PACKAGES = [
  ...[
    'ca-certificates',
    'curl',
    'git',
    'iproute2',
    'nodejs',
    'procps',
    'python3',
    'sudo',
    'util-linux',
    'util-linux-extra',
  ],
];
const LABEL = 'ironcage.test-packages';
const DIGEST = createHash('sha256')
  .update([RELEASE, ...PACKAGES].join(' '))
  .digest('hex')
  .slice(0, 16);
const TIMEOUT_MS = 900_000;

/** A command line that leads to one engine's store: as whom, and with what environment. */
export interface ImageStore {
  command: readonly [string, ...string[]];
  env: Readonly<Record<string, string | undefined>>;
}

/** Imports the image where it is missing or made of other packages; makes the file system at most once for all. */
export async function provideTestImage(stores: readonly ImageStore[]): Promise<void> {
  await importWhereMissing(stores);
  for (const store of stores) await standInForDebian(store);
}

/** What ironcage builds upon, where the machine reaches no registry of images: the same release, with a few programs more. */
const DEBIAN = 'debian:bookworm-slim';

async function standInForDebian({ command, env }: ImageStore): Promise<void> {
  const [program, ...args] = [...command, 'image', 'inspect', DEBIAN] as const;
  const { exitCode } = await run(program, args, { env: definedOnly(env), timeoutMs: TIMEOUT_MS });
  if (exitCode !== 0) await must([...command, 'tag', TEST_IMAGE, DEBIAN], env);
}

async function importWhereMissing(stores: readonly ImageStore[]): Promise<void> {
  const missing: ImageStore[] = [];
  for (const store of stores) if (!(await hasImage(store))) missing.push(store);
  if (missing.length === 0) return;
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-image-'));
  const tar = join(directory, 'root.tar');
  try {
    const make = ['--quiet', '--variant=minbase', `--include=${PACKAGES.join(',')}`, RELEASE, tar];
    await must(['mmdebstrap', ...make], { PATH: pathOfTests() });
    for (const { command, env } of missing) {
      // By standard input: the user of an engine need not be able to read the file.
      const load = [...command, 'import', '--change', `LABEL ${LABEL}=${DIGEST}`, '-', TEST_IMAGE];
      await must(['sh', '-c', 'file=$1; shift; exec "$@" <"$file"', 'sh', tar, ...load], env);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function hasImage({ command, env }: ImageStore): Promise<boolean> {
  const format = `{{index .Config.Labels "${LABEL}"}}`;
  const [program, ...args] = [...command, 'image', 'inspect', '--format', format, TEST_IMAGE] as const;
  const { exitCode, stdout } = await run(program, args, { env: definedOnly(env), timeoutMs: TIMEOUT_MS });
  return exitCode === 0 && stdout.toString('utf8').trim() === DIGEST;
}

async function must(argv: readonly [string, ...string[]], env: ImageStore['env']): Promise<RunResult> {
  const [program, ...args] = argv;
  const result = await run(program, args, { env: definedOnly(env), timeoutMs: TIMEOUT_MS });
  if (result.exitCode === 0) return result;
  throw new Error(`${argv.join(' ')} failed: ${result.stderr.slice(-2000)}`);
}

/** For a child, which takes no undefined ones. */
export function definedOnly(env: ImageStore['env']): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
