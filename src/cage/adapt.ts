// A run over a cage that is there already: it keeps its spec, and what this call names on top is taken over or refused,
// never dropped.
import type { AgentProfile } from '../agents/profile.ts';
import { IronError } from '../platform/errors.ts';
import { DEFAULT_INSPECTION } from '../policy/types.ts';
import type { Context } from './context.ts';
import { agentRules, uniqueRules, withRules, type CreationPlan } from './create.ts';
import { refuseEgressPorts } from './egress-ports.ts';
import { refuseTakenPorts } from './host-listeners.ts';
import { tellIdleRules } from './idle-rules.ts';
import { changeLocked } from './live-policy.ts';
import { sharePlaceholders } from './join-shared.ts';
import { withNewDirs } from './new-dirs.ts';
import { isOccupied } from './occupancy.ts';
import { refuseForOpen } from './open-net.ts';
import { listenedPorts } from './policy.ts';
import { publishLocked } from './ports.ts';
import { missingPorts } from './published.ts';
import { stateHealth } from './repair.ts';
import { bindNamedSecret } from './secrets.ts';
import { seedHome } from './seed-home.ts';
import { openSession } from './session.ts';
import { homeOf } from './shared-places.ts';
import type { CageSpec, SpecBinding } from './spec.ts';
import { refuseUnboundSecrets } from './unbound-secrets.ts';
import { cagePaths, readCageState, readSpec, writeSpec } from './store.ts';
import { mergeDirs } from './wanted-dirs.ts';
import { mergePorts } from './wanted-ports.ts';

/** The caller holds the cage's lock. */
export async function adaptCage(context: Context, plan: CreationPlan, profile: AgentProfile): Promise<void> {
  const before = await readSpec(context, plan.name);
  if (before.project !== plan.project) {
    throw new IronError('E_CAGE_EXISTS', {
      message: `the cage ${plan.name} belongs to another project: ${before.project}`,
      hint: 'choose another --name',
    });
  }
  refuseOther(plan, before);
  const spec = withBudget(context, before, plan);
  if (spec.net === 'open') refuseForOpen(plan.options, spec.backend);
  const wanted = await extendSpec(context, spec, plan, profile);
  refuseUnboundSecrets(wanted, plan.request.rules);
  if (JSON.stringify(wanted) === JSON.stringify(spec)) return;
  tellIdleRules(context, wanted.rules, plan.request.rules);
  refuseEgressPorts(wanted, wanted.ports ?? []);
  if (isLiveChange(spec, wanted) && stateHealth(readCageState(context, plan.name)) === 'running') {
    const published = samePorts(spec, wanted) ? spec : await publishLocked(context, spec, wanted.ports ?? []);
    if (JSON.stringify(wanted) === JSON.stringify(published)) return;
    await changeLocked(context, published, { rules: wanted.rules, inspection: wanted.inspection });
    return;
  }
  await refuseTakenPorts(context, missingPorts(wanted, readCageState(context, plan.name)));
  await refuseInUse(context, plan.name);
  const next = { ...wanted, generation: spec.generation + 1 };
  await withNewDirs(context, spec, next, async () => {
    await stopForChange(context, plan.name);
    writeSpec(context, next);
  });
  if (next.agent !== spec.agent) {
    const { identity, callerIsRoot, paths } = await openSession(context, plan.name);
    seedHome(homeOf(context, next, paths), profile, next, callerIsRoot ? identity : undefined);
  }
}

/** Nothing that runs has to be changed for it: recorders read it anew. */
function withBudget(context: Context, spec: CageSpec, { request: { budget } }: CreationPlan): CageSpec {
  const next = { ...spec, budget: { ...spec.budget, ...budget } };
  if (JSON.stringify(next.budget) === JSON.stringify(spec.budget ?? {})) return spec;
  writeSpec(context, next);
  return next;
}

/** Whether nothing but published ports, rules and settings of inspectors is new, for the ports that the cage listens on already. */
function isLiveChange(spec: CageSpec, wanted: CageSpec): boolean {
  const [before, after] = [spec, wanted].map((each) =>
    JSON.stringify({ ...each, rules: listenedPorts(each), inspection: undefined, ports: undefined }),
  );
  return before === after;
}

function samePorts(one: CageSpec, other: CageSpec): boolean {
  return JSON.stringify(one.ports ?? []) === JSON.stringify(other.ports ?? []);
}

/** What a cage is made of stays: nothing that was asked for is passed over. */
function refuseOther({ name, request, options }: CreationPlan, spec: CageSpec): void {
  const backend = options.backend !== undefined && request.backend !== spec.backend;
  const { image: named, dockerfile, packages, toolchains } = options;
  const isBuilt = dockerfile !== undefined || packages !== undefined || toolchains !== undefined;
  const image = isBuilt || (named !== undefined && named !== spec.image);
  refuseOtherHome(name, request, spec);
  const runtime = request.runtime !== undefined && request.runtime !== spec.engine?.runtime?.name;
  if (runtime) {
    throw new IronError('E_CAGE_EXISTS', {
      message: `the cage ${name} is there already, with the runtime ${spec.engine?.runtime?.name ?? 'of its engine'}`,
      hint: 'leave --runtime out, use --new or another --name, or remove it first',
    });
  }
  if (request.sudo && spec.sudo !== true) {
    throw new IronError('E_CAGE_EXISTS', {
      message: `the cage ${name} is there already, without --sudo`,
      hint: 'leave --sudo out, use --new or another --name, or remove it first',
    });
  }
  if (options.net !== undefined && (request.net === 'open') !== (spec.net === 'open')) {
    throw new IronError('E_CAGE_EXISTS', {
      message: `the cage ${name} is there already, with --net ${spec.net}`,
      because: 'an open network is made in another way than all others, and a cage keeps the one it was made with',
      hint: 'leave --net out, use --new or another --name, or remove it first',
    });
  }
  refuseOtherSource(name, request, spec);
  const workspace = options.workspace !== undefined && request.workspace !== spec.workspace;
  if (!backend && !image && !workspace) return;
  throw new IronError('E_CAGE_EXISTS', {
    message: `the cage ${name} is there already, with ${spec.image === undefined ? '' : `the image ${spec.image} on `}the ${spec.backend} backend, and its workspace is ${spec.workspace}`,
    hint: 'leave --backend, --workspace, --image, --dockerfile, --packages and --toolchain out, use --new or another --name, or remove it first',
  });
}

/** What it was made from was taken once. */
function refuseOtherSource(
  name: string,
  { branch, depth, includeIgnored }: CreationPlan['request'],
  spec: CageSpec,
): void {
  const other = branch !== undefined && branch !== spec.source?.branch;
  if (!other && depth === undefined && (!includeIgnored || spec.includeIgnored === true)) return;
  throw new IronError('E_CAGE_EXISTS', {
    message: `the cage ${name} is there already, made from ${spec.source?.branch ?? 'what its project was then'}`,
    hint: 'leave --branch, --depth and --include-ignored out, use --new or another --name, or remove it first',
  });
}

/** Its home is where its logins and its files are. */
function refuseOtherHome(name: string, { profile, caches }: CreationPlan['request'], spec: CageSpec): void {
  const other = profile !== undefined && profile !== spec.profile;
  const missing = (caches ?? []).filter((cache) => spec.caches?.includes(cache) !== true);
  const isNone = caches?.length === 0 && (spec.caches ?? []).length > 0;
  if (!other && missing.length === 0 && !isNone) return;
  const home = spec.profile === undefined ? 'a home of its own' : `the home of the profile ${spec.profile}`;
  const shares = spec.caches === undefined ? '' : ` and the shared caches ${spec.caches.join(', ')}`;
  throw new IronError('E_CAGE_EXISTS', {
    message: `the cage ${name} is there already, with ${home}${shares}`,
    hint: 'leave --profile and --cache out, use --new or another --name, or remove it first',
  });
}

async function extendSpec(
  context: Context,
  spec: CageSpec,
  { request, options }: CreationPlan,
  profile: AgentProfile,
): Promise<CageSpec> {
  const auth = options.auth === undefined ? spec.auth : request.auth;
  const { memoryBytes, pids, cpus } = request.limits;
  const ports = await mergePorts(context, spec.ports ?? [], request.ports);
  const dirs = await mergeDirs(context, spec, spec.dirs ?? [], request.dirs);
  return {
    ...spec,
    ...(dirs.length === 0 ? {} : { dirs }),
    ...(ports.length === 0 ? {} : { ports }),
    ...(profile.secrets.length > 0 || profile.bundles.length > 0 ? { agent: profile.name } : {}),
    net: options.net === undefined ? spec.net : request.net,
    auth,
    rules: withRules(uniqueRules([...spec.rules, ...agentRules(profile, spec.net)]), request.rules),
    ...(Object.keys(request.inspection).length === 0
      ? {}
      : { inspection: { ...(spec.inspection ?? DEFAULT_INSPECTION), ...request.inspection } }),
    secrets: await extendSecrets(context, spec, { profile, auth, named: request.secrets }),
    routes: [
      ...spec.routes.filter(({ host }) => !request.routes.some((route) => route.host === host)),
      ...request.routes,
    ],
    env: { ...spec.env, ...request.env },
    binds: [
      ...spec.binds.filter(({ target }) => !request.binds.some((bind) => bind.target === target)),
      ...request.binds,
    ],
    limits: {
      ...spec.limits,
      ...(options.memory === undefined || memoryBytes === undefined ? {} : { memoryBytes }),
      ...(options.pids === undefined || pids === undefined ? {} : { pids }),
      ...(options.cpus === undefined || cpus === undefined ? {} : { cpus }),
    },
  };
}

/** What the cage has, less the secrets of an agent that is to go without, and what is named on top. */
async function extendSecrets(
  context: Context,
  spec: CageSpec,
  { profile, auth, named }: { profile: AgentProfile; auth: CageSpec['auth']; named: readonly string[] },
): Promise<SpecBinding[]> {
  const ofAgent = profile.secrets.map(({ name }) => name);
  const secrets = spec.secrets.filter(({ name }) => auth !== 'none' || !ofAgent.includes(name));
  for (const name of [...(auth === 'none' ? [] : ofAgent), ...named]) {
    if (secrets.some((binding) => binding.name === name)) continue;
    secrets.push(await bindNamedSecret(context, name, spec.name));
  }
  return sharePlaceholders(context, spec.profile, secrets);
}

/** What a cage is made of can only change while it does not run; an idle one is stopped, a busy one is left alone. */
export async function stopForChange(context: Context, name: string): Promise<void> {
  const state = readCageState(context, name);
  if (state.phase !== 'running' || stateHealth(state) === 'broken') return;
  await refuseInUse(context, name);
  const { stopLocked } = await import('./start.ts');
  await stopLocked(context, name);
}

export async function refuseInUse(context: Context, name: string): Promise<void> {
  const state = readCageState(context, name);
  if (state.phase !== 'running' || stateHealth(state) === 'broken') return;
  if (!(await isOccupied(cagePaths(context, name), state))) return;
  throw new IronError('E_LOCKED', {
    message: `the cage ${name} is in use and would have to be restarted for this`,
    hint: `end what runs in it (ironcage stop ${name}), or use another cage (--new); of all options only --port, --allow and --policy need no restart, as long as their rules name no new port`,
  });
}
