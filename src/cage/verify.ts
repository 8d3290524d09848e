// Does the cage hold? Probes from inside the live cage, each beside what must work, so that a dead cage is no pass; a look
// from outside at what it left in the record and at the egress; and a server on the host that nobody must have reached.
import { readdirSync, readFileSync } from 'node:fs';
import { homedir, release } from 'node:os';
import { join } from 'node:path';
import { INSIDE_BUNDLE, INSIDE_CA, INSIDE_TRUST } from '../backends/host/layout.ts';
import { IronError } from '../platform/errors.ts';
import { PACKAGE_ROOT } from '../platform/package-root.ts';
import { run } from '../platform/processes.ts';
import { printableLine } from '../platform/text.ts';
import { nodeRuntime } from '../agents/node-runtime.ts';
import { openCanary, type Canary } from './canary.ts';
import type { Context } from './context.ts';
import { egressProbes } from './egress-probes.ts';
import { commandFor } from './enter.ts';
import type { Probe } from './probe.ts';
import { listenedPorts } from './policy.ts';
import type { CageSession } from './session.ts';
import type { RunningState } from './state.ts';
import { ensureRunning } from './ensure-running.ts';
import { stateHealth, type Health } from './repair.ts';
import { readCageState } from './store.ts';
import { verifyAudit } from './audit.ts';
import { controlSocket } from './confirm-policy.ts';
import { policyShow } from './policy-change.ts';
import { secretProbes } from './secret-probes.ts';
import { withinCage } from './within-cage.ts';

export interface Verification {
  cage: string;
  ok: boolean;
  probes: readonly Probe[];
}

const PROBE_BOUNDS = { timeoutMs: 120_000, maxOutputBytes: 2 ** 20 };

/** Starts what does not run; an egress that had ended is a failure all the same. Without `attack` only the harmless, quick part of the probes is made. */
export async function verifyCage(
  context: Context,
  name: string,
  { attack }: { attack: boolean },
): Promise<Verification> {
  // Before the cage is touched: whatever fails here leaves nothing behind in it.
  const canary = await openCanary();
  try {
    const ready = async (): Promise<{ found: Health; state: RunningState }> => ({
      found: stateHealth(readCageState(context, name)),
      state: await ensureRunning(context, name),
    });
    const probes = await withinCage(context, name, ready, (session, { found, state }) =>
      probeCage(session, { found, state, canary, attack }),
    );
    return { cage: name, ok: probes.every(({ ok }) => ok), probes };
  } finally {
    canary.close();
  }
}

interface ProbeRequest {
  /** The cage as it was before anything was started. */
  found: Health;
  state: RunningState;
  canary: Canary;
  attack: boolean;
}

async function probeCage(session: CageSession, { found, state, canary, attack }: ProbeRequest): Promise<Probe[]> {
  const { context, spec } = session;
  const probes = await insideProbes(session, state, canary, attack);
  // An open cage has no egress, no record and no secret of the store's; its network was looked at before it was entered.
  if (spec.net === 'open') return [...probes, aliveProbe(found)];
  probes.push(
    aliveProbe(found),
    await canaryProbe(canary),
    ...(await outsideProbes(context, spec.name)),
    ...egressProbes(state),
  );
  if (attack) probes.push(...(await secretProbes(session, state)));
  return probes;
}

async function insideProbes(
  session: CageSession,
  state: RunningState,
  canary: Canary,
  attack: boolean,
): Promise<Probe[]> {
  const { program } = nodeRuntime({ node: process.execPath });
  const argv = [program, '--input-type=module', '-e', readProbe('probe.mjs')];
  const command = commandFor(session, state, { argv }, false);
  const files = readdirSync(PROBES).filter((file) => /^probe-[a-z0-9-]+\.mjs$/.test(file));
  const input = JSON.stringify({
    files: Object.fromEntries(files.map((file) => [file, readProbe(file)])),
    facts: facts(session, canary, attack),
  });
  const result = await run(command.program, command.args, { env: command.env, input, ...PROBE_BOUNDS });
  await command.endLeftOver?.();
  const inside = parseProbes(result.stdout.toString('utf8'));
  if (inside === undefined || result.exitCode !== 0) {
    throw new IronError('E_BACKEND', {
      message: 'the probes inside the cage did not come to their end',
      because: result.timedOut ? 'they took too long' : printableLine(result.stderr.trim().slice(-500)),
      hint:
        session.spec.backend === 'native'
          ? `restart the cage and try again: ironcage restart ${session.spec.name}`
          : 'the probes run this machine’s Node inside: the image needs the C library that it needs, most often glibc',
    });
  }
  return inside;
}

const PROBES = join(PACKAGE_ROOT, 'dist/guest');

function readProbe(file: string): string {
  return readFileSync(join(PROBES, file), 'utf8');
}

/** What the probe program must know of the host in order to look for it. Nothing secret. */
function facts({ spec, context }: CageSession, canary: Canary, attack: boolean): object {
  const hostHome = homedir();
  const below = (path: string): string[] =>
    path.startsWith(`${hostHome}/`) ? [path.slice(hostHome.length + 1).split('/')[0] ?? ''] : [];
  const bound = [spec.project, process.execPath, ...spec.binds.map(({ target }) => target), context.dataRoot];
  return {
    attack,
    mode: spec.net,
    ports: listenedPorts(spec),
    isContainer: spec.backend !== 'native',
    sudo: spec.sudo === true,
    gvisor: spec.engine?.runtime?.kind === 'gvisor' ? { hostRelease: release() } : undefined,
    rules: spec.rules.map(({ host }) => host),
    hostHome: spec.home === hostHome ? undefined : hostHome,
    homeEntries: bound.flatMap(below),
    dataRoot: join(context.dataRoot, 'secrets'),
    controlSocket: controlSocket(context, spec.name),
    secrets: spec.secrets.map(({ env, placeholder }) => ({ env, placeholder })),
    ownEnvironment: [...Object.keys(spec.env), ...spec.secrets.map(({ env }) => env)],
    trustFiles: [INSIDE_CA, INSIDE_BUNDLE, `${INSIDE_TRUST}/java-cacerts`, `${INSIDE_TRUST}/browser.json`],
    canary: {
      port: canary.port,
      token: canary.token,
      addresses: canary.addresses,
      hostname: canary.hostname,
    },
  };
}

/** Undefined when any line is no probe or the last is missing: what it would have said is not known. */
function parseProbes(text: string): Probe[] | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const values = lines.map(parseLine);
  const last = values.pop();
  if (typeof last !== 'object' || last === null || !('end' in last) || values.length === 0) return undefined;
  return values.every(isProbe) ? values.map(printable) : undefined;
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // It comes from inside a cage, where anything may be printed.
    return undefined;
  }
}

function isProbe(value: unknown): value is Probe {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  const texts = ['id', 'group', 'expected', 'observed'];
  return typeof fields.get('ok') === 'boolean' && texts.every((name) => typeof fields.get(name) === 'string');
}

function shortLine(text: string): string {
  return printableLine(text).slice(0, 400);
}

function printable({ id, group, ok, expected, observed }: Probe): Probe {
  return {
    id: shortLine(id),
    group: shortLine(group),
    ok,
    expected: shortLine(expected),
    observed: shortLine(observed),
  };
}

/** What was found before anything was started: the rest was probed with another egress. */
function aliveProbe(found: Health): Probe {
  return {
    id: 'control-plane.egress-alive',
    group: 'control plane',
    ok: found !== 'degraded',
    expected: 'a cage that runs has its egress, an open one its router, from before the verification on',
    observed: found === 'degraded' ? 'it had ended, so that another was started' : `the cage was ${found}`,
  };
}

/** Nobody but the host may have come; and the host must have been seen, or the canary is deaf. */
async function canaryProbe(canary: Canary): Promise<Probe> {
  const unseen = await canary.visit();
  const seen = canary.seen();
  const control = unseen.length === 0 && canary.addresses.length > 0;
  return {
    id: 'exfiltration.canary-silent',
    group: 'exfiltration',
    ok: control && seen.length === 0,
    expected: 'control: the host reaches its server at every address; the cage has not',
    observed:
      seen.length > 0
        ? seen.join(', ')
        : control
          ? `silent; the host came at ${canary.addresses.length} addresses`
          : `the host itself was not seen at ${unseen.join(', ') || 'any address'}`,
  };
}

async function outsideProbes(context: Context, name: string): Promise<Probe[]> {
  const policy = await policyShow(context, name);
  const chain = await verifyAudit(context, name);
  return [
    {
      id: 'control-plane.policy-confirmed',
      group: 'control plane',
      ok: policy.confirmed,
      expected: 'the egress serves exactly the stored policy',
      observed: policy.confirmed ? `generation ${policy.generation}` : 'another one, or no answer',
    },
    {
      id: 'control-plane.audit-chain',
      group: 'control plane',
      ok: chain.ok && chain.records > 0,
      expected: 'the probes are on record, and the chain of records is whole',
      observed: chain.ok ? `${chain.records} records` : `line ${chain.line}: ${chain.reason}`,
    },
  ];
}
