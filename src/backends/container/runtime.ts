// The OCI runtime that a cage asks for by name: whether its engine has it, and what it really is, by its own program's word
// and not by its name. Must not let one pass in whose containers the egress cannot stand in the way of all traffic.
import { basename } from 'node:path';
import { z } from 'zod';
import { IronError } from '../../platform/errors.ts';
import { findProgram, run } from '../../platform/processes.ts';
import { printableLine } from '../../platform/text.ts';
import { parseJson } from '../../platform/json.ts';
import type { ContainerRuntime } from '../backend.ts';
import { callEngine, engineFailure, type Engine } from './engine.ts';

/** By their names or their own word: they have a kernel, and with it a network, of their own. */
const MACHINES = /^(kata|krun|libkrun|io\.containerd\.kata)|\b(kata-runtime|containerd-shim-kata|krun version)\b/i;

/** Names that Podman looks for by itself, for the list of those it has. */
const PODMAN_NAMES = ['runc', 'crun', 'runsc', 'youki', 'kata', 'krun'];

/** What an engine knows of one of its runtimes. */
interface Found {
  /** What its program says of itself; empty when it could not be asked. */
  version: string;
}

/** Throws E_PROTECTION for one that cannot have cages, E_USAGE that lists the engine's own for one that it does not have. */
export async function requireRuntime(engine: Engine, name: string): Promise<ContainerRuntime> {
  if (MACHINES.test(basename(name))) throw ownMachine(name);
  const { version } = engine.kind === 'podman' ? await ofPodman(engine, name) : await ofDocker(engine, name);
  return { name, kind: kindOf(name, version, engine) };
}

/** Arguments of the engine's command line, before every command, with which it uses that runtime. */
export function runtimeSelectors(engine: Pick<Engine, 'kind'>, { name, kind }: ContainerRuntime): string[] {
  // Docker is told once, when the container is made.
  if (engine.kind === 'docker') return [];
  switch (kind) {
    case 'namespaces':
      return ['--runtime', name];
    case 'gvisor':
      // What gvisor.ts asks for.
      return ['--runtime', name, '--runtime-flag', 'network=host', '--runtime-flag', 'directfs=false'];
    default:
      kind satisfies never;
      throw new Error('a runtime of an unknown kind');
  }
}

export function kindOf(
  name: string,
  version: string,
  { rootless, gated, limits }: Pick<Engine, 'rootless' | 'gated' | 'limits'>,
): ContainerRuntime['kind'] {
  if (MACHINES.test(version)) throw ownMachine(name);
  if (!/^runsc\b/m.test(version)) return 'namespaces';
  const lacks =
    rootless || gated
      ? 'sandboxes of an ordinary user’s are not tried; of a rootless engine’s, nothing would limit the processes'
      : limits.pids
        ? undefined
        : 'this engine has no control group for processes, and gVisor itself does not limit them';
  if (lacks === undefined) return 'gvisor';
  throw new IronError('E_PROTECTION', {
    message: `cages of ${name} (gVisor) are not to be had here`,
    because: lacks,
    hint: 'use it as root, with control groups, or leave --runtime out',
  });
}

function ownMachine(name: string): IronError {
  return new IronError('E_PROTECTION', {
    message: `--runtime ${name}: containers with a kernel of their own are not available in this version`,
    because:
      'their network is that of a virtual machine: the egress’s listeners, which are opened in the container’s network on this machine, cannot be reached from it',
    hint: 'use --runtime runsc with rootful Podman, which has a kernel of its own as well, or leave --runtime out',
  });
}

function unknownRuntime({ kind }: Engine, name: string, there: readonly string[]): IronError {
  return new IronError('E_USAGE', {
    message: `${kind} has no runtime ${name}`,
    because: `it has: ${there.map(printableLine).join(', ') || 'none that it names'}`,
    hint:
      kind === 'docker'
        ? 'name one of those, or add it below "runtimes" in /etc/docker/daemon.json and restart the daemon'
        : 'name one of those, or give the absolute path of its program',
  });
}

const PodmanRuntime = z.object({ version: z.string() });

async function ofPodman(engine: Engine, name: string): Promise<Found> {
  const asked = await askPodman(engine, name);
  if (asked.exitCode === 0) return PodmanRuntime.parse(parseJson(asked.stdout.toString('utf8')));
  if (!/not found|no such file|invalid argument/i.test(asked.stderr)) {
    throw engineFailure(engine, `look for the runtime ${name}`, asked);
  }
  const there: string[] = [];
  for (const known of PODMAN_NAMES) if ((await askPodman(engine, known)).exitCode === 0) there.push(known);
  throw unknownRuntime(engine, name, there);
}

function askPodman(engine: Engine, name: string): ReturnType<typeof callEngine> {
  const selectors = [...engine.selectors, '--runtime', name];
  return callEngine({ ...engine, selectors }, ['info', '--format', '{{json .Host.OCIRuntime}}']);
}

const DockerRuntimes = z.record(z.string(), z.object({ path: z.string().optional() }));

async function ofDocker(engine: Engine, name: string): Promise<Found> {
  const asked = await callEngine(engine, ['info', '--format', '{{json .Runtimes}}']);
  if (asked.exitCode !== 0) throw engineFailure(engine, 'name its runtimes', asked);
  const runtimes = DockerRuntimes.parse(parseJson(asked.stdout.toString('utf8')));
  const found = Object.hasOwn(runtimes, name) ? runtimes[name] : undefined;
  if (found === undefined) throw unknownRuntime(engine, name, Object.keys(runtimes));
  const path = engine.env['PATH'] ?? '';
  const program = found.path === undefined ? undefined : findProgram(found.path, path);
  if (program === undefined) {
    throw new IronError('E_PROTECTION', {
      message: `it cannot be told what the runtime ${name} is`,
      because:
        found.path === undefined ? 'docker names no program of it' : `there is no program ${printableLine(found.path)}`,
      hint: 'name the program of it in /etc/docker/daemon.json, or leave --runtime out',
    });
  }
  const said = await run(program, ['--version'], { env: { PATH: path }, timeoutMs: ASK_MS });
  return { version: said.stdout.toString('utf8') };
}

const ASK_MS = 10_000;
