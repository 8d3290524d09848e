// Which container engines there are: candidates as data, each with the reason why it was taken or not. Looking for them is
// apart from using one; everything a candidate depends on is an argument, so that every system's can be tried on any.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { searchPath } from '../host/tools.ts';
import { IronError } from '../../platform/errors.ts';
import type { Environment } from '../../platform/environment.ts';
import { findProgram, missingTool } from '../../platform/processes.ts';
import { printableLine } from '../../platform/text.ts';
import { ENGINE_KINDS, type ContainerIdentity, type EngineKind, type ProbeResult } from '../backend.ts';
import { askDocker } from './docker-socket.ts';
import { readFacts } from './engine-facts.ts';
import { callEngine, type Engine, type EngineFacts } from './engine.ts';
import { knownHoles } from './engine-floors.ts';
import { keepAnswer, keptAnswer } from './podman-answer.ts';

/** A place where an engine may answer. */
export interface EngineCandidate {
  kind: EngineKind;
  /** What people call it. */
  label: string;
  selectors: readonly string[];
  /** A socket that must exist before it is asked; absent: the command line finds its own way. */
  socket?: string;
}

export interface EngineFinding extends EngineCandidate {
  /** Absent: it was not taken, for the reason. */
  engine?: Engine;
  reason: string;
  /** Known holes of its parts, for people. */
  holes: readonly string[];
}

/** In the order in which they are asked; the first that answers is taken. */
export function engineCandidates(
  kind: EngineKind,
  { environment, home, uid }: { environment: Environment; home: string; uid: number },
): EngineCandidate[] {
  if (kind === 'podman') {
    const label = uid === 0 ? 'Podman, rootful' : 'Podman, rootless';
    const connection = environment['CONTAINER_HOST'] ?? environment['CONTAINER_CONNECTION'];
    return [{ kind, label: connection === undefined ? label : 'Podman of CONTAINER_HOST', selectors: [] }];
  }
  // What the user named is the only one: another daemon in its place would be another machine.
  const { DOCKER_HOST: host, DOCKER_CONTEXT: context } = environment;
  if (host) return [{ kind, label: 'Docker of DOCKER_HOST', selectors: ['--host', host] }];
  if (context) return [{ kind, label: 'Docker of DOCKER_CONTEXT', selectors: ['--context', context] }];
  const runtime = environment['XDG_RUNTIME_DIR'];
  const at = (label: string, socket: string): EngineCandidate => ({
    ...{ kind, label, socket },
    selectors: ['--host', `unix://${socket}`],
  });
  return [
    { kind, label: 'Docker of the current context', selectors: [] },
    at('Docker Engine', '/var/run/docker.sock'),
    ...(runtime ? [at('Docker Engine, rootless', join(runtime, 'docker.sock'))] : []),
    at('Docker Desktop', join(home, '.docker/desktop/docker.sock')),
    at('Docker Desktop', join(home, '.docker/run/docker.sock')),
    at('OrbStack', join(home, '.orbstack/run/docker.sock')),
    at('Colima', join(home, '.colima/default/docker.sock')),
    at('Rancher Desktop', join(home, '.rd/docker.sock')),
  ];
}

/** Asks each candidate of a kind. Stops at the first that is taken, unless `all`. `answers`: see requireEngine. */
export async function findEngines(
  kind: EngineKind,
  environment: Environment,
  { all = false, answers }: { all?: boolean; answers?: string | undefined } = {},
): Promise<EngineFinding[]> {
  const { program, env, home } = engineCommand(kind, environment);
  const findings: EngineFinding[] = [];
  for (const candidate of engineCandidates(kind, { environment, home, uid: process.getuid?.() ?? -1 })) {
    const finding = await ask(candidate, program, env, answers);
    findings.push(finding);
    if (finding.engine !== undefined && !all) break;
  }
  return findings;
}

/** The engine that a cage was started with, without asking it. Throws E_TOOL_MISSING when its command line is gone. */
export function engineOf(container: ContainerIdentity, environment: Environment): Engine {
  const { engine: kind, selectors, rootless, gated, limits } = container;
  const { program, env } = engineCommand(kind, environment);
  if (program === undefined) throw missingTool(kind);
  return { kind, program, selectors, env, rootless, gated, limits };
}

/**
 * The first engine of these kinds that answers; throws E_BACKEND that lists what was tried. `answers`: the directory with what
 * engines answered before, for who needs one that is there and will see it fail if it is not.
 */
export async function requireEngine(
  kinds: readonly EngineKind[],
  environment: Environment,
  { hint = `start ${kinds.join(' or ')}, or use --backend native`, answers }: { hint?: string; answers?: string } = {},
): Promise<Engine> {
  const reasons: string[] = [];
  for (const kind of kinds) {
    for (const { engine, label, reason } of await findEngines(kind, environment, { answers })) {
      if (engine !== undefined) return engine;
      reasons.push(`${label}: ${reason}`);
    }
  }
  throw new IronError('E_BACKEND', {
    message: `no ${kinds.join(' or ')} engine answers here`,
    because: reasons,
    hint,
  });
}

export async function probeEngines(environment: Environment): Promise<ProbeResult[]> {
  const findings: EngineFinding[] = [];
  for (const kind of ENGINE_KINDS) findings.push(...(await findEngines(kind, environment, { all: true })));
  return findings.flatMap(({ kind, label, engine, reason, holes }, index) => {
    const id = `engine.${kind}.${index}`;
    const found: ProbeResult = { id, status: 'ok', what: `${label}: ${reason}`, hint: '' };
    if (engine === undefined || holes.length === 0) return [found];
    return [{ ...found, status: 'warn', hint: holes.join('; ') }];
  });
}

function engineCommand(
  kind: EngineKind,
  environment: Environment,
): { program: string | undefined; env: Record<string, string>; home: string } {
  const path = searchPath(environment);
  const home = environment['HOME'] ?? homedir();
  const env: Record<string, string> = { PATH: path, HOME: home };
  for (const name of ENGINE_VARIABLES) {
    const value = environment[name];
    if (value !== undefined) env[name] = value;
  }
  return { program: findProgram(kind, path), env, home };
}

/** Names that the engines' command lines read, less those that choose a daemon; nothing else of the caller's reaches them. */
const ENGINE_VARIABLES = [
  ...['XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'TMPDIR', 'DBUS_SESSION_BUS_ADDRESS'],
  ...['DOCKER_CONFIG', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH', 'DOCKER_API_VERSION'],
  ...[
    'CONTAINER_HOST',
    'CONTAINER_CONNECTION',
    'CONTAINERS_CONF',
    'CONTAINERS_STORAGE_CONF',
    'CONTAINERS_REGISTRIES_CONF',
  ],
] as const;

const ASK_TIMEOUT_MS = 10_000;

async function ask(
  candidate: EngineCandidate,
  program: string | undefined,
  env: Readonly<Record<string, string>>,
  answers: string | undefined,
): Promise<EngineFinding> {
  const no = (reason: string): EngineFinding => ({ ...candidate, reason, holes: [] });
  if (program === undefined) return no(`the program ${candidate.kind} is not installed`);
  if (candidate.socket !== undefined && !existsSync(candidate.socket)) return no(`there is no ${candidate.socket}`);
  const { selectors, kind } = candidate;
  const site =
    kind === 'podman' && answers !== undefined ? { program, env, file: join(answers, 'podman.answer') } : undefined;
  const kept = site === undefined ? undefined : readFacts(kind, keptAnswer(site) ?? '');
  const asked = kept === undefined ? await askFacts(kind, { program, selectors, env }) : { facts: kept };
  if ('reason' in asked) return no(asked.reason);
  if ('answer' in asked && site !== undefined) keepAnswer(site, asked.answer);
  const { facts } = asked;
  if (facts.remote)
    return no(`${facts.version}, on another machine or in a virtual one: its cages are not to be had yet`);
  const { rootless, version, limits } = facts;
  if (facts.remapped) return no(`${version}, with users mapped to others: its cages are not to be had yet`);
  if (kind === 'docker' && rootless) return no(`${version}, rootless: its cages are not to be had yet`);
  const gated = !rootless && process.getuid?.() !== 0;
  return {
    ...candidate,
    engine: { kind, program, selectors, env, rootless, gated, limits },
    reason: `${version}${rootless ? ', rootless' : ''}${gated ? ', of root’s, through a gate' : ''}`,
    holes: knownHoles(facts),
  };
}

async function askFacts(
  kind: EngineKind,
  engine: Pick<Engine, 'program' | 'selectors' | 'env'>,
): Promise<{ facts: EngineFacts; answer: string } | { reason: string }> {
  const atSocket = await askDocker({ kind, ...engine }, 'GET', '/info');
  const result =
    atSocket?.exitCode === 0
      ? atSocket
      : // Its command line says best what is wrong.
        await callEngine(engine, ['info', '--format', '{{json .}}'], { timeoutMs: ASK_TIMEOUT_MS });
  if (result.timedOut) return { reason: 'it did not answer in time' };
  const answer = result.stdout.toString('utf8');
  const facts = result.exitCode === 0 ? readFacts(kind, answer) : undefined;
  if (facts !== undefined) return { facts, answer };
  return { reason: printableLine(result.stderr.trim().split('\n').at(-1) ?? '') || 'it does not answer' };
}
