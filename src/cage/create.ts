// Making a cage: its directory, its spec, its home, its copy of the project. Until the last step it is `creating`, and
// the next command takes a half-made one away.
import { chownSync } from 'node:fs';
import { dirname } from 'node:path';

import { findBundle } from '../policy/bundles.ts';
import { DEFAULT_INSPECTION, type Rule } from '../policy/types.ts';
import type { AgentProfile } from '../agents/profile.ts';
import { AGENTS } from '../agents/profiles.ts';
import { IronError } from '../platform/errors.ts';
import { makeDirectory, pathExists } from '../platform/files.ts';
import { holdingInterrupts, unlessInterrupted } from '../platform/interrupts.ts';
import { agentProfile } from './agent-profiles.ts';
import { chooseProject, type ChosenProject } from './choose-project.ts';
import type { ContainerPlace } from './container-place.ts';
import type { Context } from './context.ts';
import { refuseEgressPorts } from './egress-ports.ts';
import { defaultEnvironment } from './env-file.ts';
import { frameCage } from './frame-cage.ts';
import type { GitUrl } from './git-url.ts';
import { refuseTakenPorts } from './host-listeners.ts';
import { refuseIdleRules, tellIdleRules } from './idle-rules.ts';
import { cageIdentity, currentCaller, drawSlot, mountOwner } from './identity.ts';
import { joinShared, sharePlaceholders } from './join-shared.ts';
import { refuseForOpen } from './open-net.ts';
import { parseOptions, type CageOptions, type CageRequest } from './options.ts';
import { repairCage } from './repair.ts';
import type { ConfiguredPolicy, NamedPolicy } from './policy-sources.ts';
import { readRules } from './rule-input.ts';
import { rememberAgent } from './agent-programs.ts';
import { bindAgentSecret, bindNamedSecret } from './secrets.ts';
import { refuseUnboundSecrets } from './unbound-secrets.ts';
import { copySeed, seedHome } from './seed-home.ts';
import { homeOf } from './shared-places.ts';
import { refuseDataRootMount } from './sources.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths, openDataRoot, withCageLock } from './store.ts';
import { mergeDirs } from './wanted-dirs.ts';
import { mergePorts } from './wanted-ports.ts';
import { workspacePlaces } from './workspaces.ts';

/** What would be made: everything of a spec that can be known without touching anything. */
export interface CreationPlan extends ChosenProject {
  request: CageRequest;
  profile: AgentProfile | undefined;
  /** As they were given: which of the request's values are defaults. */
  options: CageOptions;
}

/** `source` is a directory or a git URL; absent, the git root around the current directory. Throws usage errors; touches nothing. */
export async function planCreation(
  context: Context,
  source: string | undefined,
  options: CageOptions,
): Promise<CreationPlan> {
  const named = await readNamed(context, options);
  const request = { ...parseOptions(options, context.environment, context.cwd), ...named };
  if (request.net === 'open') refuseForOpen(options, request.backend);
  const chosen = await chooseProject(context, source, request);
  const { name, project } = chosen;
  refuseDataRootMount(request, context);
  await mergeDirs(context, { project, ...request }, [], request.dirs);
  const profile = options.agent === undefined ? undefined : await agentProfile(context, options.agent);
  refuseEgressPorts({ name, rules: [...agentRules(profile, request.net), ...request.rules] }, request.ports);
  return { ...chosen, request, profile, options };
}

/** What the command names; of two allow rules that match, the first decides. What says two things of one request is refused. */
async function readNamed(context: Context, { allow, policies = [] }: CageOptions): Promise<NamedPolicy> {
  const rules = await readRules(context, 'allow', allow);
  const files = policies.length === 0 ? { rules: [], inspection: {} } : await readFiles(context, policies);
  const all = [...new Map([...rules, ...files.rules].map((rule) => [JSON.stringify(rule), rule])).values()];
  refuseIdleRules(context, all, all);
  return { ...files, rules: uniqueRules(all) };
}

async function readFiles(context: Context, policies: readonly string[]): Promise<NamedPolicy> {
  const { readPolicyFiles } = await import('./policy-sources.ts');
  return readPolicyFiles(context, policies);
}

/** What every new cage gets from the user's settings. Nobody looks at the traffic of an open one. */
export async function readConfigured(context: Context, net: CageSpec['net']): Promise<ConfiguredPolicy> {
  if (!pathExists(context.configFile)) return { rules: [], inspection: {}, inspectors: [], caches: [] };
  const { readConfiguredPolicy } = await import('./policy-sources.ts');
  const configured = await readConfiguredPolicy(context);
  return net === 'open' ? { ...configured, rules: [], inspection: {}, inspectors: [] } : configured;
}

/** Makes the cage of a plan; throws E_CAGE_EXISTS when there is one of that name. */
export async function createFromPlan(context: Context, plan: CreationPlan): Promise<CageSpec> {
  openDataRoot(context);
  return withCageLock(context, plan.name, async () => {
    for (const line of await repairCage(context, plan.name)) context.progress(line);
    return createLocked(context, plan);
  });
}

/**
 * The caller holds the cage's lock and has repaired it. `composed` hears of the spec, still without what a container stands on, when the
 * cage has its directory and nothing in it yet.
 */
export async function createLocked(
  context: Context,
  plan: CreationPlan,
  composed: (spec: CageSpec) => Promise<void> = () => Promise.resolve(),
): Promise<CageSpec> {
  const paths = cagePaths(context, plan.name);
  if (pathExists(paths.root)) {
    throw new IronError('E_CAGE_EXISTS', {
      message: `there is a cage ${plan.name} already`,
      hint: `use it (ironcage start ${plan.name}), choose another --name, or remove it first`,
    });
  }
  const looked = lookForBackend(context, plan);
  // Told where it is waited for.
  looked.catch(() => undefined);
  // What is made from a URL fetches nothing for a machine that lacks something.
  if (plan.clone !== undefined) await looked;
  const { spec } = await holdingInterrupts((interrupted) =>
    frameCage(context, { name: plan.name, verb: 'create', interrupted }, async () => {
      try {
        if (plan.clone !== undefined) await cloneSource(context, plan, plan.clone, interrupted);
        const bare = await composeSpec(context, plan);
        await composed(bare);
        const place = await fill(context, plan, bare, { looked, interrupted });
        return { spec: { ...bare, ...place } };
      } catch (error) {
        // Without a tool that is missing, nothing else could be done either.
        await looked;
        throw error;
      }
    }),
  );
  return spec;
}

/** The project of a cage that is made from a URL. Whatever interrupts it goes with the half-made cage. */
async function cloneSource(
  context: Context,
  { project, request }: CreationPlan,
  clone: GitUrl,
  interrupted: AbortSignal,
): Promise<void> {
  const { cloneRepository } = await import('../workspace/clone.ts');
  makeDirectory(dirname(project));
  const { branch, depth } = request;
  await cloneRepository({ ...clone, branch, depth, target: project }, context.environment, {
    progress: (line) => context.progress(`cloning ${clone.url}: ${line}`),
    interrupted,
  });
  context.step('create: cloned');
}

/** What was found of that on which a cage stands. */
interface Looked {
  /** Whether its workspace can be an overlay, where that is known. */
  overlays?: boolean;
  /** Can take minutes. */
  take: () => Promise<ContainerPlace>;
}

/** Throws what this machine lacks of what a cage of this kind needs; the egress of every kind is a native one. */
async function lookForBackend(
  context: Context,
  { request: { backend, image, runtime, sudo, net, workspace }, profile }: CreationPlan,
): Promise<Looked> {
  const { requireNative, requireNativeWithOverlay } = await import('../backends/native/probe.ts');
  if (backend === 'native' && workspace === 'copy' && currentCaller().uid !== 0)
    return { take: takeNothing, overlays: await requireNativeWithOverlay(context.environment) };
  if (backend === 'native' || image === undefined) {
    await requireNative(context.environment);
    return { take: takeNothing };
  }
  const { lookForContainer } = await import('./container-place.ts');
  const isOpen = net === 'open';
  const found = await lookForContainer(context, backend, { image, agent: profile?.name, runtime, sudo, isOpen });
  return {
    async take() {
      const place = await found();
      if (workspace === 'mount' && place.engine?.runtime?.kind === 'gvisor') throw unguardedRuntime();
      return place;
    },
  };
}

function takeNothing(): Promise<ContainerPlace> {
  return Promise.resolve({});
}

/** The project is looked at while the machine is; then what is not there is fetched, and only then the project copied. */
async function fill(
  context: Context,
  plan: CreationPlan,
  spec: CageSpec,
  { looked, interrupted }: { looked: Promise<Looked>; interrupted: AbortSignal },
): Promise<ContainerPlace> {
  const caller = currentCaller();
  const identity = cageIdentity(caller, spec);
  const owner = caller.uid === 0 ? { uid: identity.uid, gid: identity.gid } : undefined;
  const paths = cagePaths(context, spec.name);
  let place: Promise<ContainerPlace> | undefined;
  const ready = (): Promise<ContainerPlace> => (place ??= takePlace(context, plan, looked, interrupted));
  // Loaded here: a run that finds its cage does not need it.
  const { layWorkspaces } = await import('./lay-workspaces.ts');
  const overlays = async (): Promise<boolean | undefined> => (await looked).overlays;
  await layWorkspaces(context, spec, workspacePlaces(context, spec), { overlays, ready });
  context.step('create: workspace prepared');
  if (spec.profile === undefined) {
    makeDirectory(paths.home);
    if (owner !== undefined) chownSync(paths.home, owner.uid, owner.gid);
    for (const { path, reason } of await copySeed(context, paths.home, owner)) {
      context.progress(`left out of the home: ${path} (${reason})`);
    }
  }
  if (plan.profile !== undefined) seedHome(homeOf(context, spec, paths), plan.profile, spec, owner);
  context.step('create: home made');
  return ready();
}

async function takePlace(
  context: Context,
  { name, profile }: CreationPlan,
  looked: Promise<Looked>,
  interrupted: AbortSignal,
): Promise<ContainerPlace> {
  const { take } = await looked;
  const place = await unlessInterrupted(take(), interrupted);
  if (profile !== undefined && profile.name !== place.imageAgent) await rememberAgent(context, name, profile);
  context.step('create: agent found');
  return place;
}

/** All of a spec but what its container stands on. */
async function composeSpec(
  context: Context,
  { name, project, startIn, clone, request, profile }: CreationPlan,
): Promise<CageSpec> {
  const secrets = request.auth === 'none' ? [] : (profile?.secrets ?? []).map(bindAgentSecret);
  for (const wanted of request.secrets) {
    if (secrets.some((binding) => binding.name === wanted)) continue;
    secrets.push(await bindNamedSecret(context, wanted, name));
  }
  const slot = drawSlot(currentCaller());
  const runsAs = mountOwner(currentCaller(), project, request.workspace);
  const configured = await readConfigured(context, request.net);
  const shared = await joinShared(context, request, configured.caches, { home: HOME_INSIDE, project });
  if (runsAs !== undefined && (shared.sharedSlot !== undefined || request.sudo)) throw twoOwners();
  const said = { ...configured.inspection, ...request.inspection };
  const rules = uniqueRules([...withRules(agentRules(profile, request.net), request.rules), ...configured.rules]);
  refuseUnboundSecrets({ name, secrets }, request.rules);
  tellIdleRules(context, rules, request.rules);
  const ports = await mergePorts(context, [], request.ports);
  const dirs = await mergeDirs(context, { project, ...request }, [], request.dirs);
  const spec: CageSpec = {
    version: 1,
    name,
    project,
    ...(clone === undefined ? {} : { source: { url: clone.url, ...branchOf(request) } }),
    ...(startIn === undefined ? {} : { startIn }),
    ...(request.includeIgnored ? { includeIgnored: true } : {}),
    backend: request.backend,
    ...(request.sudo ? { sudo: true } : {}),
    preset: request.preset,
    workspace: request.workspace,
    ...(dirs.length === 0 ? {} : { dirs }),
    net: request.net,
    auth: request.auth,
    ...(profile === undefined ? {} : { agent: profile.name }),
    createdAt: new Date(context.clock.now()).toISOString(),
    home: HOME_INSIDE,
    ...(slot === undefined ? {} : { slot }),
    ...shared,
    ...(runsAs === undefined ? {} : { runsAs }),
    generation: 1,
    rules,
    ...(Object.keys(said).length === 0 ? {} : { inspection: { ...DEFAULT_INSPECTION, ...said } }),
    inspectors: [...configured.inspectors],
    secrets: await sharePlaceholders(context, shared.profile, secrets),
    routes: [...request.routes],
    env: { ...ownEnvironment(profile), ...environmentFor(context, project), ...request.env },
    binds: [...request.binds],
    ...(ports.length === 0 ? {} : { ports }),
    ...(Object.keys(request.budget).length === 0 ? {} : { budget: request.budget }),
    limits: {
      ...(request.limits.memoryBytes === undefined ? {} : { memoryBytes: request.limits.memoryBytes }),
      ...(request.limits.pids === undefined ? {} : { pids: request.limits.pids }),
      ...(request.limits.cpus === undefined ? {} : { cpus: request.limits.cpus }),
    },
  };
  refuseEgressPorts(spec, ports);
  await refuseTakenPorts(context, ports);
  return spec;
}

function branchOf({ branch }: CageRequest): { branch?: string } {
  return branch === undefined ? {} : { branch };
}

/** What files of the user and of the project say for every new cage; told, since nobody named them. */
function environmentFor(context: Context, project: string): Record<string, string> {
  const { env, files } = defaultEnvironment(context, project);
  for (const { path, names } of files) context.progress(`variables of ${path}: ${names.join(', ') || 'none'}`);
  return env;
}

/** There programs can have user namespaces, and nobody has shown that mounts over mounts hold against them. */
function unguardedRuntime(): IronError {
  return new IronError('E_PROTECTION', {
    message: 'a project cannot be mounted into a cage of gVisor’s to be written',
    because: 'its user namespaces may take away what guards the project',
    hint: 'use --workspace copy or mount-ro, or leave --runtime out',
  });
}

function twoOwners(): IronError {
  return new IronError('E_PROTECTION', {
    message: 'as root a cage cannot mount a project and have --sudo, or share a home or caches',
    because: 'the project belongs to one user, the rest to another, and a cage runs as one',
    hint: 'leave --sudo, --profile and shared caches out, use --workspace copy, or run ironcage as the owner of the project',
  });
}

const HOME_INSIDE = '/home/agent';

/** Of a user's own agent, whose file may be another one at the next start; ironcage's own agents bring theirs each time. */
function ownEnvironment(profile: AgentProfile | undefined): Readonly<Record<string, string>> {
  return profile === undefined || AGENTS.includes(profile) ? {} : profile.env;
}

/** What an agent cannot work without. In an open cage no rule counts. */
export function agentRules(profile: AgentProfile | undefined, net: CageSpec['net']): Rule[] {
  if (net === 'open') return [];
  const bundled = (profile?.bundles ?? []).flatMap((bundle) => findBundle(bundle)?.rules ?? []);
  return [...bundled, ...(profile?.rules ?? [])];
}

/** What is named counts: a rule of the same id gives up its place to it, the others follow. */
export function withRules(rules: readonly Rule[], named: readonly Rule[]): Rule[] {
  const byId = new Map(uniqueRules(named).map((rule) => [rule.id, rule]));
  return uniqueRules([...rules.map((rule) => byId.get(rule.id) ?? rule), ...named]);
}

/** The first of each id stays. */
export function uniqueRules(rules: readonly Rule[]): Rule[] {
  const seen = new Map<string, Rule>();
  for (const rule of rules) if (!seen.has(rule.id)) seen.set(rule.id, rule);
  return [...seen.values()];
}
