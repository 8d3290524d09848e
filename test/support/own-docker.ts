// A Docker daemon of a test's own, which may be killed: its own store, socket and containerd, and no hand in the machine's network.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identifyProcess, run } from '../../src/platform/processes.ts';
import { pathOfTests } from './engines.ts';
import { until } from './sandbox.ts';

export interface OwnDocker {
  host: string;
  start(): Promise<void>;
  /** As a crash would: what it started goes on without it. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

const PATIENCE_MS = 60_000;

export function ownDocker(): OwnDocker {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-docker-'));
  const at = (name: string): string => join(directory, name);
  const host = `unix://${at('socket')}`;
  let daemon: ChildProcess | undefined;

  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = new Promise((resolve) => daemon?.once('exit', resolve));
    daemon.kill(signal);
    await ended;
  };
  const start = async (): Promise<void> => {
    const log = openSync(at('log'), 'a');
    const places = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid'), '--host', host];
    const network = ['--bridge', 'none', '--iptables=false', '--ip6tables=false'];
    // In a network of its own: a daemon without a bridge takes away that of the machine's.
    const started = spawn('unshare', ['--net', '--', 'dockerd', ...places, ...network], {
      env: { PATH: pathOfTests() },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    daemon = started;
    const end = performance.now() + PATIENCE_MS;
    while (!(await answers(host))) {
      if (started.exitCode !== null || performance.now() > end)
        throw new Error(`dockerd does not come up: ${readFileSync(at('log'), 'utf8').slice(-2000)}`);
      await new Promise((wake) => setTimeout(wake, 100));
    }
  };
  return {
    host,
    start,
    async kill() {
      const file = at('exec/containerd/containerd.pid');
      const containerd = Number(readFileSync(file, 'utf8'));
      await stop('SIGKILL');
      // It dies with its parent. Where nobody reaps it, the next daemon would take it for one that still runs.
      await until('containerd to be gone', () => identifyProcess(containerd) === undefined);
      rmSync(file, { force: true });
    },
    async close() {
      // Only a daemon that runs ends its containerd.
      if (daemon !== undefined && (daemon.exitCode !== null || daemon.signalCode !== null)) await start();
      await stop('SIGTERM');
      await run('umount', [at('data')], { env: { PATH: pathOfTests() }, timeoutMs: 10_000 });
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function answers(host: string): Promise<boolean> {
  const asked = await run('docker', ['--host', host, 'version'], { env: { PATH: pathOfTests() }, timeoutMs: 10_000 });
  return asked.exitCode === 0;
}
