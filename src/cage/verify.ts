// Does the cage hold? Probes from inside the live cage, each beside what must work, so that a dead cage is no pass.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../backends/native/layout.ts';
import { IronError } from '../platform/errors.ts';
import { run } from '../platform/processes.ts';
import { nodeRuntime } from '../agents/node-runtime.ts';
import type { Context } from './context.ts';
import { commandFor } from './enter.ts';
import { openSession, type CageSession } from './session.ts';
import { ensureRunning } from './ensure-running.ts';
import { cagePaths, withCageLock } from './store.ts';
import { verifyAudit } from './audit.ts';
import { policyShow } from './policy-change.ts';
import { secretValue } from './policy.ts';
import { placesWithValue } from './secret-search.ts';
import { requireWorkspace } from './workspace-of.ts';

export interface Probe {
  id: string;
  group: string;
  ok: boolean;
  expected: string;
  observed: string;
}

export interface Verification {
  cage: string;
  ok: boolean;
  probes: readonly Probe[];
}

const PROBE_BOUNDS = { timeoutMs: 120_000, maxOutputBytes: 2 ** 20 };

/** Starts the cage if need be. `attack` adds the search for real secret values in everything the cage could read. */
export async function verifyCage(
  context: Context,
  name: string,
  { attack }: { attack: boolean },
): Promise<Verification> {
  const state = await withCageLock(context, name, () => ensureRunning(context, name));
  const session = await openSession(context, name);
  const { program } = nodeRuntime({ node: process.execPath });
  const command = commandFor(
    session,
    state,
    { argv: [program, '--input-type=module', '-'], env: { IRONCAGE_PROBE: facts(session) } },
    false,
  );
  const input = readFileSync(join(PACKAGE_ROOT, 'dist/guest/probe.mjs'));
  const result = await run(command.program, command.args, { env: command.env, input, ...PROBE_BOUNDS });
  const inside = parseProbes(result.stdout.toString('utf8'));
  if (inside.length === 0 || result.exitCode !== 0) {
    throw new IronError('E_BACKEND', {
      message: 'the probes inside the cage did not come to their end',
      because: result.timedOut ? 'they took too long' : result.stderr.trim().slice(-500),
      hint: `restart the cage and try again: ironcage restart ${name}`,
    });
  }
  const probes = [...inside, ...(await outsideProbes(context, name))];
  if (attack) probes.push(...(await searchProbes(context, session)));
  return { cage: name, ok: probes.every(({ ok }) => ok), probes };
}

/** What the probe program must know of the host in order to look for it. Nothing secret. */
function facts({ spec, context }: CageSession): string {
  const hostHome = homedir();
  const below = (path: string): string[] =>
    path.startsWith(`${hostHome}/`) ? [path.slice(hostHome.length + 1).split('/')[0] ?? ''] : [];
  const bound = [spec.project, process.execPath, ...spec.binds.map(({ target }) => target), context.dataRoot];
  return JSON.stringify({
    hostHome: spec.home === hostHome ? undefined : hostHome,
    homeEntries: bound.flatMap(below),
    dataRoot: join(context.dataRoot, 'secrets'),
    allowedHost: spec.rules.find(({ effect }) => effect === 'allow')?.host,
    secrets: spec.secrets.map(({ env, placeholder }) => ({ env, placeholder })),
  });
}

/** None when any line is no probe: what it would have said is not known. */
function parseProbes(text: string): Probe[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const probes = lines.map(parseLine);
  return probes.every(isProbe) ? probes : [];
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

async function outsideProbes(context: Context, name: string): Promise<Probe[]> {
  const policy = await policyShow(context, name);
  const chain = await verifyAudit(context, name);
  return [
    {
      id: 'egress.policy-confirmed',
      group: 'egress',
      ok: policy.confirmed,
      expected: 'the egress serves exactly the stored policy',
      observed: policy.confirmed ? `generation ${policy.generation}` : 'another one, or no answer',
    },
    {
      id: 'egress.audit-chain',
      group: 'egress',
      ok: chain.ok && chain.records > 0,
      expected: 'the probes are on record, and the chain of records is whole',
      observed: chain.ok ? `${chain.records} records` : `line ${chain.line}: ${chain.reason}`,
    },
  ];
}

/** Looks for every real value in all that the cage holds on disk and in its processes. */
async function searchProbes(context: Context, { spec }: CageSession): Promise<Probe[]> {
  const probes: Probe[] = [];
  for (const binding of spec.secrets) {
    const value = await secretValue(context, spec.name, binding);
    if (value === undefined) continue;
    const { root } = cagePaths(context, spec.name);
    // The kernel's own directory beside an overlay: its owner may not even list it, and a cage has no way to it.
    const except = (await requireWorkspace(context, spec)).directories.work;
    const found = await placesWithValue(root, value, except);
    const control = await placesWithValue(root, binding.placeholder, except);
    probes.push({
      id: `secret.absent.${binding.name}`,
      group: 'secrets',
      ok: found.length === 0 && control.length > 0,
      expected: 'control: the placeholder is found in the cage’s files; the value is not',
      observed:
        found.length > 0 ? `found in ${found.join(', ')}` : `placeholder in ${control.length} files, value in none`,
    });
  }
  return probes;
}
