// `create` and its dry run.
import { formatRule } from '../policy/rules.ts';
import type { Context } from './context.ts';
import { agentRules, createFromPlan, planCreation, readConfigured, uniqueRules, withRules } from './create.ts';
import type { CageOptions } from './options.ts';
import { cageExists, readSpec } from './store.ts';
import { formatPort } from './published-port.ts';
import { refuseUnboundSecrets } from './unbound-secrets.ts';
import { mergeDirs } from './wanted-dirs.ts';
import { showCage, type CageView } from './view.ts';

export async function createCage(
  context: Context,
  source: string | undefined,
  options: CageOptions,
): Promise<CageView> {
  const plan = await planCreation(context, source, options);
  await createFromPlan(context, plan);
  return showCage(context, plan.name, 'just made');
}

export interface PlanView {
  name: string;
  exists: boolean;
  project: string;
  /** What the project is cloned from. */
  source: string | undefined;
  /** Where programs start, if not in the project itself. */
  startIn: string | undefined;
  includeIgnored: boolean;
  backend: string;
  preset: string;
  workspace: string;
  net: string;
  agent: string | undefined;
  rules: readonly string[];
  secrets: readonly string[];
  routes: readonly string[];
  mounts: readonly string[];
  /** Further directories. */
  dirs: readonly string[];
  profile: string | undefined;
  caches: readonly string[];
  ports: readonly string[];
}

/** What `create` or `run` would make; touches nothing. */
export async function planCage(context: Context, source: string | undefined, options: CageOptions): Promise<PlanView> {
  const { name, project, startIn, clone, request, profile } = await planCreation(context, source, options);
  const { backend, preset, workspace, net, auth, includeIgnored } = request;
  const exists = cageExists(context, name);
  const configured = exists ? { rules: [], caches: [] } : await readConfigured(context, net);
  const agentSecrets = auth === 'none' ? [] : (profile?.secrets ?? []).map((secret) => secret.name);
  const secrets = [...new Set([...agentSecrets, ...request.secrets])];
  const bound = [
    ...(exists ? (await readSpec(context, name)).secrets : []),
    ...secrets.map((each) => ({ name: each })),
  ];
  refuseUnboundSecrets({ name, secrets: bound }, request.rules);
  return {
    name,
    exists,
    project,
    source: clone?.url,
    ...{ startIn, includeIgnored, backend, preset, workspace, net },
    agent: profile?.name,
    rules: uniqueRules([...withRules(agentRules(profile, net), request.rules), ...configured.rules]).map(formatRule),
    secrets,
    routes: request.routes.map(({ host, address, port }) => `${host} → ${address}:${port}`),
    mounts: request.binds.map(({ source: from, target, writable }) => `${from}:${target}${writable ? '' : ':ro'}`),
    dirs: (await mergeDirs(context, { project, ...request }, [], request.dirs)).map(({ path }) => path),
    profile: request.profile,
    caches: request.caches ?? (request.profile === undefined ? configured.caches : []),
    ports: request.ports.map(formatPort),
  };
}
