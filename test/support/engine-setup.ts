// Before suites over container engines: Docker's daemon runs, Podman has a configuration that works on this machine, and the
// image of the suites is in every engine. What was started here is ended here, by its own process.
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostEnvironment } from '../../src/platform/environment.ts';
import { run } from '../../src/platform/processes.ts';
import { engineEnvironment } from './backends.ts';
import { engineReason, pathOfTests } from './engines.ts';
import { requireRootlessUser } from './rootless-user.ts';
import { definedOnly, provideTestImage, type ImageStore } from './test-image.ts';

const PATIENCE_MS = 60_000;

export default async function setUp(): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-engines-'));
  chmodSync(directory, 0o755);
  const undo: (() => Promise<void>)[] = [async () => rmSync(directory, { recursive: true, force: true })];
  const stores: ImageStore[] = [];
  if (process.getuid?.() === 0) {
    if (engineReason('docker') === undefined) {
      const daemon = await startDaemon(directory);
      if (daemon !== undefined) undo.unshift(() => endDaemon(daemon));
      stores.push({ command: ['docker'], env: environment() });
    }
    if (engineReason('podman') === undefined) {
      configurePodman(directory);
      stores.push({ command: ['podman'], env: environment() });
    }
    if (engineReason('podman', true) === undefined) {
      const user = await requireRootlessUser();
      if (user.isOurs) undo.unshift(user.remove);
      const store: ImageStore = {
        command: [...user.command, 'podman'],
        env: { ...user.env, ...engineEnvironment('podman') },
      };
      await mendRootlessPodman(store);
      stores.push(store);
    }
    await provideTestImage(stores);
  }
  return async () => {
    for (const step of undo) await step();
  };
}

function environment(): Record<string, string | undefined> {
  return { ...hostEnvironment(), PATH: pathOfTests() };
}

/** The daemon of this machine, when nobody runs it yet. */
async function startDaemon(directory: string): Promise<ChildProcess | undefined> {
  if (await answers()) return undefined;
  const log = join(directory, 'dockerd.log');
  const output = openSync(log, 'w');
  const daemon = spawn('dockerd', ['--default-ulimit', `nofile=${openFiles()}`], {
    env: environment(),
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const end = performance.now() + PATIENCE_MS;
  while (!(await answers())) {
    if (daemon.exitCode !== null || performance.now() > end) {
      throw new Error(`dockerd does not come up: ${readFileSync(log, 'utf8').slice(-2000)}`);
    }
    await new Promise((wake) => setTimeout(wake, 200));
  }
  return daemon;
}

async function answers(): Promise<boolean> {
  const { exitCode } = await run('docker', ['version'], { env: environment(), timeoutMs: PATIENCE_MS });
  return exitCode === 0;
}

async function endDaemon(daemon: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  if (daemon.exitCode === null && daemon.kill('SIGTERM')) await ended;
}

/**
 * Podman refuses every call once a kill took all processes of a user whose containers were running: it looks for the one that
 * held its namespaces, and finds another way only after `migrate`, which writes down that they have ended.
 */
async function mendRootlessPodman({ command: [program, ...args], env }: ImageStore): Promise<void> {
  const options = { env: definedOnly(env), timeoutMs: PATIENCE_MS };
  const { exitCode } = await run(program, [...args, 'info'], options);
  if (exitCode === 0) return;
  const mended = await run(program, [...args, 'system', 'migrate'], options);
  if (mended.exitCode !== 0) throw new Error(`rootless podman does not answer: ${mended.stderr.slice(-2000)}`);
}

/** Where the machine configures nothing: what works with every kind of control groups, and raises no limit beyond our own. */
function configurePodman(directory: string): void {
  if (existsSync('/etc/containers/containers.conf') || hostEnvironment()['CONTAINERS_CONF'] !== undefined) return;
  const file = join(directory, 'containers.conf');
  writeFileSync(
    file,
    `[containers]\ndefault_ulimits = ["nofile=${openFiles()}", "nproc=4096:4096"]\n[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n`,
  );
  // For the workers, which are started after this; the product hands it on.
  process.env['CONTAINERS_CONF'] = file;
}

/** An engine cannot give more than it may have itself. */
function openFiles(): string {
  const hard = /^Max open files +\S+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? '1048576';
  return `${hard}:${hard}`;
}
