// The spec of a cage that comes out of a backup. Somebody else may have written the file: nothing of it is believed that names what this
// machine has (engines, programs, secrets, users), what it asks of this machine goes through the same doors as flags of `create`, and all
// that loosens something is told, for a yes.
import { isAbsolute, resolve } from 'node:path';
import type { Manifest } from '../archive/manifest.ts';
import { refused } from '../archive/refusal.ts';
import type { CarriedSecret } from '../archive/sealed-secrets.ts';
import { IronError } from '../platform/errors.ts';
import { isInside, pathExists, realPathSoFar } from '../platform/files.ts';
import { createPlaceholder } from '../secrets/placeholders.ts';
import { parseSecretName } from '../secrets/secret-name.ts';
import { inspectProject } from '../workspace/project.ts';
import { agentProfile } from './agent-profiles.ts';
import type { Context } from './context.ts';
import { readConfigured } from './create.ts';
import { refuseEgressPorts } from './egress-ports.ts';
import { accessOf, exposureOf } from './exposure.ts';
import { currentCaller, drawSlot, mountOwner } from './identity.ts';
import { refuseForOpen } from './open-net.ts';
import { parseOptions } from './options.ts';
import { formatPort } from './published-port.ts';
import { bindNamedSecret } from './secrets.ts';
import { refuseDataRootMount, refusePrivateProject, refuseWideProject } from './sources.ts';
import { parseSpec, type CageSpec, type SpecBinding } from './spec.ts';

const HOME_INSIDE = '/home/agent';
/** Only so that the spec of the file has the shape of one: every cage gets placeholders of its own. */
const NO_PLACEHOLDER = '0'.repeat(32);

export interface Destination {
  name: string;
  /** Another directory than the one that the backup names. */
  project: string | undefined;
}

/** What the file asks for, under its new name and project. Touches nothing. Throws E_ARCHIVE, and what `create` throws. */
export async function requestedSpec(
  context: Context,
  manifest: Manifest,
  { name, project: wanted }: Destination,
): Promise<CageSpec> {
  const asked = shapeOf(manifest);
  const project = wanted === undefined ? asked.project : (await inspectProject(resolve(context.cwd, wanted))).root;
  if (asked.source !== undefined && wanted === undefined) throw clonedProject(asked.source.url);
  const request = parseOptions(optionsOf(asked), {}, '/');
  if (asked.net === 'open') refuseForOpen({ ...NOTHING, allow: [], auth: 'none' }, asked.backend);
  const places = [project, ...(asked.dirs ?? []).map(({ path }) => path)];
  for (const place of places) {
    if (!isAbsolute(place) || realPathSoFar(place) !== place) throw refused(`${place} is not where it says`);
    refuseWideProject(place, context);
    if (asked.workspace === 'copy') continue;
    refusePrivateProject(place, context);
    await inspectProject(place);
  }
  refuseDataRootMount(request, context);
  if (asked.agent !== undefined) await agentProfile(context, asked.agent);
  refuseEgressPorts({ name, rules: asked.rules }, request.ports);
  const startIn = asked.startIn !== undefined && isInside(asked.startIn, project) ? { startIn: asked.startIn } : {};
  const { source: _clone, startIn: _start, ...kept } = asked;
  const { slot: _slot, sharedSlot: _shared, runsAs: _user, profile: _home, caches: _caches, ...rest } = kept;
  const { imageId: _id, built: _built, dockerfile: _file, imagePath: _path, imageAgent: _agent, ...own } = rest;
  return {
    ...own,
    ...startIn,
    ...{ name, project, generation: 1, inspectors: [], env: request.env, binds: [...request.binds] },
    createdAt: new Date(context.clock.now()).toISOString(),
  };
}

/** A clone lies in the directory of the cage that it was made for. */
function clonedProject(url: string): IronError {
  return new IronError('E_NO_PROJECT', {
    message: `the cage of the backup was made from ${url}`,
    because: 'its project was a clone of its own, which is not in the backup',
    hint: 'clone it, and name the directory with --project DIR',
  });
}

function shapeOf(manifest: Manifest): CageSpec {
  const { secrets } = manifest.spec;
  const text = JSON.stringify({
    ...manifest.spec,
    secrets: Array.isArray(secrets)
      ? secrets.map((binding: unknown) => (isRecord(binding) ? { ...binding, placeholder: NO_PLACEHOLDER } : binding))
      : secrets,
  });
  let spec: CageSpec;
  try {
    spec = parseSpec(text, 'the backup', manifest.cage);
  } catch (error) {
    throw refused(`its spec is wrong: ${error instanceof IronError ? (error.because ?? error.message) : 'unreadable'}`);
  }
  const places = [{ name: '', path: spec.project }, ...(spec.dirs ?? [])];
  const told = manifest.workspaces.map(({ dir, path }) => ({ name: dir, path }));
  if (JSON.stringify(places) !== JSON.stringify(told))
    throw refused('its spec and its manifest name different directories');
  if (manifest.workspaces.some(({ hasTree }) => hasTree !== (spec.workspace === 'copy')))
    throw refused('its spec and its manifest differ in how the project comes');
  if (spec.home !== HOME_INSIDE) throw refused('its home is not where homes are');
  return spec;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const NOTHING = { allow: [], routes: [], secrets: [], env: [], envFiles: [], mounts: [] } as const;

/** As flags, so that what refuses a flag refuses a file. */
function optionsOf(spec: CageSpec): Parameters<typeof parseOptions>[0] {
  const { memoryBytes, pids, cpus } = spec.limits;
  const colon = spec.binds.find(({ source, target }) => `${source}${target}`.includes(':'));
  if (colon !== undefined) throw refused('a directory of this machine that it mounts has a colon in its path');
  return {
    ...NOTHING,
    ...{ backend: spec.backend, preset: spec.preset, workspace: spec.workspace, net: spec.net, auth: spec.auth },
    env: Object.entries(spec.env).map(([variable, value]) => `${variable}=${value}`),
    mounts: spec.binds.map(({ source, target, writable }) => `${source}:${target}${writable ? '' : ':ro'}`),
    ports: (spec.ports ?? []).map(formatPort),
    ...(memoryBytes === undefined ? {} : { memory: String(memoryBytes) }),
    ...(pids === undefined ? {} : { pids: String(pids) }),
    ...(cpus === undefined ? {} : { cpus: String(cpus) }),
    ...(spec.image === undefined ? {} : { image: spec.image }),
    ...(spec.engine?.runtime === undefined ? {} : { runtime: spec.engine.runtime.name }),
    ...(spec.sudo === true ? { sudo: true } : {}),
  };
}

/** One line each: what the cage would be let do on this machine, and what of the file does not count. For a yes. */
export function asksFor(spec: CageSpec, manifest: Manifest): string[] {
  const { binds, ports = [], routes, env, net, sudo, inspection, workspace, secrets } = spec;
  return [
    ...(workspace === 'copy'
      ? [`apply would write into ${listed([spec.project, ...(spec.dirs ?? []).map(({ path }) => path)])}`]
      : [`${workspace} of ${spec.project}, of this machine`]),
    ...binds.map(
      ({ source, target, writable }) => `${writable ? 'writes' : 'reads'} ${source} of this machine, at ${target}`,
    ),
    ...ports.map((port) => `publishes ${formatPort(port)}`),
    ...routes.map(({ host, address, port }) => `sends what is meant for ${host} to ${address}:${port}`),
    ...(net === 'filtered' || net === 'none' ? [] : [`its network is ${net}`]),
    ...(sudo === true ? ['programs inside may become root of its container'] : []),
    ...(inspection === undefined
      ? []
      : [`inspection: ${listed(Object.entries(inspection).map((pair) => pair.join(' ')))}`]),
    ...(Object.keys(env).length === 0 ? [] : [`sets the variables ${listed(Object.keys(env))}`]),
    ...(secrets.length === 0 ? [] : [`asks for the secrets ${listed(secrets.map(({ name }) => name))}`]),
    ...(spec.image === undefined
      ? []
      : [`is made of the image ${spec.image}, as it is on this machine or in its registry`]),
    ...(manifest.spec['profile'] === undefined && manifest.spec['caches'] === undefined
      ? []
      : ['shared a home or caches: it gets a home of its own']),
  ];
}

function listed(values: readonly string[]): string {
  return values.join(', ');
}

/** What `show` would say of it. */
export function restoredExposure(spec: CageSpec): string {
  const { reads, writes } = accessOf(spec);
  return exposureOf(spec, reads, writes);
}

/** With host users of its own: whose its files are to be. */
export function withUsers(spec: CageSpec): CageSpec {
  const caller = currentCaller();
  const slot = drawSlot(caller);
  const runsAs = mountOwner(caller, spec.project, spec.workspace);
  return { ...spec, ...(slot === undefined ? {} : { slot }), ...(runsAs === undefined ? {} : { runsAs }) };
}

/** With an engine, an image and inspectors of this machine's. Throws what this machine lacks for a cage of its kind. */
export async function withPlace(context: Context, spec: CageSpec): Promise<CageSpec> {
  const { inspectors } = await readConfigured(context, spec.net);
  const { engine, image, ...rest } = spec;
  if (spec.backend === 'native') {
    const { requireNative } = await import('../backends/native/probe.ts');
    await requireNative(context.environment);
    return { ...rest, inspectors: [...inspectors] };
  }
  if (image === undefined) throw refused('it is a container of no image');
  const { prepareContainer } = await import('./container-place.ts');
  const place = await prepareContainer(context, spec.backend, {
    image: { reference: image },
    agent: spec.agent,
    runtime: engine?.runtime?.name,
    sudo: spec.sudo === true,
    isOpen: spec.net === 'open',
  });
  return { ...rest, ...place, inspectors: [...inspectors] };
}

/** With placeholders of its own, for the secrets of which it is known where they may go. */
export async function withSecrets(
  context: Context,
  spec: CageSpec,
  carried: readonly CarriedSecret[],
): Promise<CageSpec> {
  const secrets: SpecBinding[] = [];
  for (const { name } of spec.secrets) {
    const bound = await bind(context, spec.name, parseSecretName(name), carried);
    if (bound !== undefined) secrets.push(bound);
  }
  return { ...spec, secrets };
}

/** Where a secret may go is this machine's to say; of one that came along under the passphrase, whoever knew that. */
async function bind(
  context: Context,
  cage: string,
  name: string,
  carried: readonly CarriedSecret[],
): Promise<SpecBinding | undefined> {
  try {
    return await bindNamedSecret(context, name, cage);
  } catch (error) {
    if (!(error instanceof IronError) || error.code !== 'E_NO_SECRET') throw error;
  }
  const own = carried.find((secret) => secret.name === name);
  if (own !== undefined && own.hosts.length > 0) {
    return {
      name,
      hosts: [...own.hosts],
      slots: [...own.slots],
      placeholder: createPlaceholder('ironcage-'),
      env: name,
    };
  }
  context.progress(
    `${name} is not bound: this machine does not know where it may go (ironcage secret set ${name} --host HOST)`,
  );
  return undefined;
}

export function projectIsThere({ project }: CageSpec): boolean {
  return pathExists(project);
}
