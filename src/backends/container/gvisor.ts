// A sandbox of gVisor's, seen from this machine: one process whose programs the host knows nothing of. What is asked of them
// goes through runsc, by the place and the name that its first process had before anything of the agent's ran in it.
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { IronError } from '../../platform/errors.ts';
import { run, type RunResult } from '../../platform/processes.ts';
import { printableLine } from '../../platform/text.ts';
import type { GvisorSandbox } from '../backend.ts';

const TIMEOUT_MS = 20_000;

/** Number of the first program inside. */
const FIRST = 1;

/** Undefined when process `pid` is no sandbox of the container `id`. Throws E_PROTECTION for one with a network that is not ours. */
export function readSandbox(pid: number, id: string): GvisorSandbox | undefined {
  const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  if (basename(argv[0] ?? '') !== 'runsc-sandbox' || !argv.includes('boot') || argv.at(-1) !== id) return undefined;
  const flags = argv.slice(1, argv.indexOf('boot'));
  refuseFlags(flags);
  const root = flags.find((flag) => flag.startsWith('--root='))?.slice('--root='.length);
  return root === undefined ? undefined : { program: readlinkSync(`/proc/${pid}/exe`), root, id };
}

/**
 * Its sockets are those of the container's network, where the egress listens; and files are opened by its gofer alone, which
 * heeds read-only mounts: opened by the sandbox itself, one that is to be read only is emptied all the same.
 */
const REQUIRED_FLAGS = ['--network=host', '--directfs=false'] as const;

/** What would let a program inside past the egress, or make files of this machine more than data. */
function refuseFlags(flags: readonly string[]): void {
  const missing = REQUIRED_FLAGS.find((flag) => !flags.includes(flag));
  const wrong =
    missing === undefined
      ? flags.find((flag) => /^--(net-raw|allow-suid)(=true)?$|^--(fsgofer-)?host-uds=(?!none)/.test(flag))
      : `no ${missing}`;
  if (wrong === undefined) return;
  throw new IronError('E_PROTECTION', {
    message: 'gVisor is not set up so that a cage can be had of it',
    because: `its sandbox runs with ${printableLine(wrong)}`,
    hint: 'its sockets must be those of the container’s network: set "runtimeArgs": ["--network=host", "--directfs=false"] for it, with nothing that opens it up',
  });
}

/** Host command line of runsc over that sandbox. */
export function runscArguments({ root, id }: GvisorSandbox, command: readonly string[]): string[] {
  return ['--root', root, ...command, id];
}

/** Numbers, inside, of all programs but the first; undefined when it does not say: it is gone, or does not answer. */
export async function sandboxProcesses(sandbox: GvisorSandbox): Promise<number[] | undefined> {
  const asked = await runsc(sandbox, runscArguments(sandbox, ['ps', '--format=json']));
  const numbers = asked.exitCode === 0 ? parseNumbers(asked.stdout.toString('utf8')) : undefined;
  return numbers?.filter((pid) => pid !== FIRST);
}

/** To one that is gone meanwhile nothing happens. */
export async function signalInside(sandbox: GvisorSandbox, pid: number, signal: NodeJS.Signals): Promise<void> {
  await runsc(sandbox, [...runscArguments(sandbox, ['kill', '--pid', String(pid)]), signal.replace(/^SIG/, '')]);
}

/** Asks those of `pids` that are there to end, and waits; resolves with the ones that did not. */
export async function endInside(sandbox: GvisorSandbox, pids: readonly number[], graceMs: number): Promise<number[]> {
  const left = async (): Promise<number[]> =>
    ((await sandboxProcesses(sandbox)) ?? []).filter((pid) => pids.includes(pid));
  let there = await left();
  for (const pid of there) await signalInside(sandbox, pid, 'SIGTERM');
  const end = performance.now() + graceMs;
  while (there.length > 0 && performance.now() < end) {
    await new Promise((wake) => setTimeout(wake, POLL_MS));
    there = await left();
  }
  return there;
}

const POLL_MS = 50;

function runsc({ program }: GvisorSandbox, args: readonly string[]): Promise<RunResult> {
  return run(program, args, { env: {}, timeoutMs: TIMEOUT_MS });
}

function parseNumbers(text: string): number[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // A sandbox that ends says half of it.
    return undefined;
  }
  return Array.isArray(value) ? value.filter((entry): entry is number => Number.isSafeInteger(entry)) : undefined;
}
