import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { hostEnvironment } from '../../platform/environment.ts';
import type { Listener } from '../backend.ts';
import { childrenOf } from '../host/cage-processes.ts';
import { PROGRAMS_DIRECTORY } from '../host/layout.ts';
import { listeningInodes } from '../host/cage-network.ts';
import { listenersAhead, type ListenersAhead } from './listeners-ahead.ts';

const isRoot = process.getuid?.() === 0;
const PORT = 4711;

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** The first process of new namespaces, as a runtime of an engine makes one. */
async function firstProcess(): Promise<number> {
  const child = spawn('unshare', ['--net', '--pid', '--fork', '--kill-child', 'sleep', '60'], { stdio: 'ignore' });
  started.push(child);
  for (;;) {
    const [inside] = childrenOf(child.pid ?? 0);
    if (inside !== undefined) return inside;
    await new Promise((wake) => setTimeout(wake, 5));
  }
}

function opener(network: string): string[] {
  const program = `${PROGRAMS_DIRECTORY}/packed/open-listeners.js`;
  return ['nsenter', `--net=${network}`, '--', process.execPath, program];
}

function lookAhead(handles: Listener[]): ListenersAhead {
  const path = hostEnvironment()['PATH'] ?? '';
  return listenersAhead(opener, [{ purpose: 'tcp', port: PORT }], path, (request, handle) => {
    expect(request.port).toBe(PORT);
    handles.push(handle);
    return Promise.resolve();
  });
}

/** Resolves when it was asked some times. */
async function asked(ahead: ListenersAhead, candidates: () => readonly number[]): Promise<void> {
  await new Promise<void>((resolve) => {
    let looks = 0;
    ahead.lookAmong(() => {
      looks += 1;
      if (looks === 5) resolve();
      return candidates();
    });
  });
}

const listening = (pid: number): number =>
  listeningInodes(readFileSync(`/proc/${pid}/net/tcp6`, 'utf8'), 'tcp', PORT).length;

async function untilListening(pid: number): Promise<void> {
  while (listening(pid) === 0) await new Promise((wake) => setTimeout(wake, 5));
}

test.runIf(isRoot)('listeners are open before the process is told of, and handed over once it is', async () => {
  const pid = await firstProcess();
  const handles: Listener[] = [];
  const ahead = lookAhead(handles);
  ahead.lookAmong(() => [process.pid, pid]);
  await untilListening(pid);
  expect(handles).toEqual([]);
  expect(await ahead.settle({ pid })).toBe(true);
  expect(handles).toHaveLength(1);
  handles[0]?.close();
});

test.runIf(isRoot)('what was opened for another process is handed to nobody, and is closed', async () => {
  const [pid, other] = [await firstProcess(), await firstProcess()];
  const handles: Listener[] = [];
  const ahead = lookAhead(handles);
  ahead.lookAmong(() => [pid]);
  await untilListening(pid);
  expect(await ahead.settle({ pid: other })).toBe(false);
  while (listening(pid) > 0) await new Promise((wake) => setTimeout(wake, 5));
  expect(handles).toEqual([]);
});

test.runIf(isRoot)('what was opened by a program that failed is let go, so that it can be opened again', async () => {
  const pid = await firstProcess();
  const handles: Listener[] = [];
  const ahead = lookAhead(handles);
  ahead.lookAmong(() => [pid]);
  await untilListening(pid);
  for (const child of childrenOf(process.pid)) {
    if (readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('open-listeners')) process.kill(child, 'SIGKILL');
  }
  while (listening(pid) > 0) await new Promise((wake) => setTimeout(wake, 5));
  expect(await ahead.settle({ pid })).toBe(false);
  expect(handles).toEqual([]);
});

test.runIf(isRoot)('no network is held open by a search that is over', async () => {
  const pid = await firstProcess();
  const ahead = lookAhead([]);
  ahead.lookAmong(() => [pid]);
  await untilListening(pid);
  const name = readlinkSync(`/proc/${pid}/ns/net`);
  const held = (): boolean => descriptors().includes(name);
  expect(held()).toBe(true);
  ahead.drop();
  while (held()) await new Promise((wake) => setTimeout(wake, 5));
});

test.runIf(isRoot)('a process that is gone by then is told of as such', async () => {
  const pid = await firstProcess();
  const ahead = lookAhead([]);
  ahead.lookAmong(() => [pid]);
  await untilListening(pid);
  await expect(ahead.settle({ pid: 2 ** 30 })).rejects.toMatchObject({ code: 'E_BACKEND' });
  ahead.drop();
});

/** What the descriptors of this process lead to. */
function descriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // That of the listing itself.
      return [];
    }
  });
}

test.runIf(isRoot)(
  'nothing is opened in the network of this machine, nor for a process that is not the first of its own',
  async () => {
    const pid = await firstProcess();
    const sibling = spawn('sleep', ['60'], { stdio: 'ignore' });
    const sameNetwork = spawn('unshare', ['--pid', '--fork', '--kill-child', 'sleep', '60'], { stdio: 'ignore' });
    started.push(sibling, sameNetwork);
    while (childrenOf(sameNetwork.pid ?? 0).length === 0) await new Promise((wake) => setTimeout(wake, 5));
    const before = listening(process.pid);
    const ahead = lookAhead([]);
    await asked(ahead, () => [sibling.pid ?? 0, ...childrenOf(sameNetwork.pid ?? 0), 2 ** 30]);
    expect(await ahead.settle({ pid })).toBe(false);
    expect(listening(process.pid)).toBe(before);
  },
);

test('a search that fails finds nothing', async () => {
  const ahead = lookAhead([]);
  await asked(ahead, () => {
    throw new Error('no such control group');
  });
  expect(await ahead.settle(process)).toBe(false);
});
