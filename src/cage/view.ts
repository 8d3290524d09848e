// One cage, for people and scripts, with all it can reach, read, write and use.
import { loadWorkspace } from '../workspace/workspace.ts';
import type { Enforcer, LimitEnforcement } from '../backends/backend.ts';
import type { Budget } from './budget-schema.ts';
import type { Context } from './context.ts';
import { cageIdentity, currentCaller } from './identity.ts';
import { accessOf, exposureOf } from './exposure.ts';
import { infoOf, type CageInfo } from './list-cages.ts';
import type { RuleView } from './live-policy.ts';
import { policyShow, type PolicyView } from './policy-change.ts';
import { viewPorts, type PortView } from './ports.ts';
import { formatPort } from './published-port.ts';
import { missingPorts } from './published.ts';
import { listSnapshots, type SnapshotInfo } from './snapshot-list.ts';
import { readCageState, readSpec } from './store.ts';
import { workspacePlaces } from './workspaces.ts';

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
