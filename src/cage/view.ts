// What there is, for people and scripts: the list, and one cage with all it can reach, read, write and use.
import { loadWorkspace } from '../workspace/workspace.ts';
import { hasUnexportedWork } from '../workspace/unexported.ts';
import type { Enforcer, LimitEnforcement } from '../backends/backend.ts';
import { errorMessage } from '../platform/errors.ts';
import { pathExists } from '../platform/files.ts';
import type { Budget } from './budget.ts';
import type { Context } from './context.ts';
import { cageIdentity, currentCaller } from './identity.ts';
import { accessOf, exposureOf } from './exposure.ts';
import type { RuleView } from './live-policy.ts';
import { policyShow, type PolicyView } from './policy-change.ts';
import { viewPorts, type PortView } from './ports.ts';
import { formatPort } from './published-port.ts';
import { missingPorts } from './published.ts';
import { stateHealth } from './repair.ts';
import { listSnapshots, type SnapshotInfo } from './snapshot-list.ts';
import type { CageSpec } from './spec.ts';
import { listCageNames, readCageState, readSpec } from './store.ts';
import { storedWorkspaces, workspacePlaces } from './workspaces.ts';

export interface CageInfo {
  name: string;
  status: 'running' | 'stopped' | 'broken';
  backend: string;
  workspace: string;
  net: string;
  project: string;
  createdAt: string;
  unexported: boolean;
}

interface LimitView {
  value: number | undefined;
  /** Of a cage that does not run it is not known yet. */
  enforcedBy: Enforcer | undefined;
}

export interface CageView extends CageInfo {
  /** What the project was cloned from. */
  source: { url: string; branch?: string | undefined } | undefined;
  /** Where programs start, if not in the project itself. */
  startIn: string | undefined;
  preset: string;
  /** Of a container. */
  image: string | undefined;
  /** OCI runtime of a container that was asked for; undefined: the engine's own. */
  runtime: string | undefined;
  agent: string | undefined;
  /** Of the home that it shares with every other cage of that name. */
  profile: string | undefined;
  /** Package caches that it shares. */
  caches: readonly string[];
  /** One line: what this cage can reach, read, write, and with which secrets. */
  exposure: string;
  reach: readonly RuleView[];
  reads: readonly string[];
  writes: readonly string[];
  secrets: readonly { name: string; hosts: readonly string[]; slots: readonly object[] }[];
  limits: Record<'memory' | 'pids' | 'cpus', LimitView>;
  /** Of all its runs together. */
  budget: Budget;
  routes: readonly { host: string; address: string; port: number }[];
  /** Published on this machine. */
  ports: readonly PortView[];
  /** What looks into its traffic beyond what every cage has: settings of the built-in ones, and the user's own in their order. */
  inspection: PolicyView['inspection'];
  inspectors: readonly string[];
  /** Further directories, each with its own base. */
  dirs: readonly { name: string; path: string; base: string }[];
  /** `dir`: of a further directory. */
  leftOut: readonly { path: string; reason: string; dir?: string }[];
  /** The oldest first. */
  snapshots: readonly SnapshotInfo[];
  base: string;
  workspaceStrategy: string;
  policyGeneration: number;
  policyHash: string;
  policyConfirmed: boolean;
  identity: { uid: number; gid: number; insideUid: number };
  problems: readonly string[];
}

/** Every cage of the data root; one that cannot be read is listed as broken. */
export async function listCages(context: Context): Promise<CageInfo[]> {
  const cages: CageInfo[] = [];
  for (const name of listCageNames(context)) cages.push(await describe(context, name));
  return cages;
}

async function describe(context: Context, name: string): Promise<CageInfo> {
  let spec: CageSpec;
  try {
    spec = await readSpec(context, name);
  } catch {
    // Half-made, or its spec is broken: `show` and `doctor` say which.
    return {
      name,
      status: 'broken',
      backend: 'native',
      workspace: 'copy',
      net: 'filtered',
      project: '',
      createdAt: '',
      unexported: await isUnexported(context, name).catch(() => true),
    };
  }
  return { ...(await infoOf(context, spec)).info };
}

async function infoOf(
  context: Context,
  spec: CageSpec,
  age?: 'just made',
): Promise<{ info: CageInfo; problems: string[] }> {
  const problems: string[] = [];
  const { name, backend, workspace, net, project, createdAt } = spec;
  let status: CageInfo['status'] = 'broken';
  let unexported = true;
  try {
    const health = stateHealth(readCageState(context, name));
    status = health === 'running' || health === 'stopped' ? health : 'broken';
    if (status === 'broken')
      problems.push(
        health === 'degraded'
          ? `its egress has ended, so that it has no network: the next run, exec or start of it starts another (ironcage start ${name})`
          : 'a start, a stop or a crash left parts of it: the next command repairs that',
      );
  } catch (error) {
    problems.push(errorMessage(error));
  }
  try {
    unexported = age === undefined && (await isUnexported(context, name));
  } catch (error) {
    // What cannot be read may hold work: it is treated as if it does.
    problems.push(`its work cannot be read: ${errorMessage(error)}`);
  }
  if (!pathExists(project)) problems.push(`its project ${project} is gone`);
  for (const { name: dir, path } of spec.dirs ?? [])
    if (!pathExists(path)) problems.push(`its directory ${dir} is gone from ${path}`);
  return { info: { name, status, backend, workspace, net, project, createdAt, unexported }, problems };
}

async function isUnexported(context: Context, name: string): Promise<boolean> {
  for (const { workspace } of await storedWorkspaces(context, name))
    if (await hasUnexportedWork(workspace)) return true;
  return false;
}

/** Of a cage that was just made nobody can have worked in it: its files are not looked through. */
export async function showCage(context: Context, name: string, age?: 'just made'): Promise<CageView> {
  const spec = await readSpec(context, name);
  const { info, problems } = await infoOf(context, spec, age);
  const policy = await policyShow(context, name);
  const places = workspacePlaces(context, spec);
  const workspaces = await Promise.all(places.map(({ storeDirectory }) => loadWorkspace(storeDirectory)));
  const [workspace] = workspaces;
  const state = info.status === 'running' ? readCageState(context, name) : undefined;
  const enforcement = state?.phase === 'running' ? state.limits : undefined;
  const limit = (key: keyof LimitEnforcement, value: number | undefined): LimitView => ({
    value,
    enforcedBy: value === undefined ? 'none' : enforcement?.[key],
  });
  for (const port of state === undefined ? [] : missingPorts(spec, state)) {
    problems.push(`what forwards ${formatPort(port)} has ended: ironcage start ${name}`);
  }
  const { uid, gid, insideUid } = cageIdentity(currentCaller(), spec);
  const { reads, writes } = accessOf(spec);
  return {
    ...info,
    source: spec.source,
    startIn: spec.startIn,
    preset: spec.preset,
    image: spec.image,
    runtime: spec.engine?.runtime?.name,
    agent: spec.agent,
    profile: spec.profile,
    caches: spec.caches ?? [],
    exposure: exposureOf(spec, reads, writes),
    reach: policy.rules,
    reads,
    writes,
    secrets: spec.secrets.map(({ name: secret, hosts, slots }) => ({ name: secret, hosts, slots })),
    budget: spec.budget ?? {},
    limits: {
      memory: limit('memory', spec.limits.memoryBytes),
      pids: limit('pids', spec.limits.pids),
      cpus: limit('cpu', spec.limits.cpus),
    },
    ports: viewPorts(spec, state),
    routes: spec.routes.map(({ host, address, port }) => ({ host, address, port })),
    inspection: policy.inspection,
    inspectors: policy.inspectors,
    dirs: (spec.dirs ?? []).map((dir, index) => ({ ...dir, base: workspaces[index + 1]?.base.tree ?? '' })),
    leftOut: places.flatMap(({ dir }, index) =>
      (workspaces[index]?.leftOut ?? []).map((left) => ({ ...left, ...(dir === '' ? {} : { dir }) })),
    ),
    snapshots: await listSnapshots(context, name),
    base: workspace?.base.tree ?? '',
    workspaceStrategy: workspace?.strategy ?? 'missing',
    policyGeneration: policy.generation,
    policyHash: policy.hash,
    policyConfirmed: policy.confirmed,
    identity: { uid, gid, insideUid },
    problems,
  };
}
