// From a spec to what the backend is asked to make: binds, environment, workspace, listeners.
import { dirname } from 'node:path';
import type { Bind, CagePlan, ListenerRequest } from '../backends/backend.ts';
import { INSIDE_BUNDLE, INSIDE_CA } from '../backends/native/layout.ts';
import { CAGE_USER } from '../backends/native/etc.ts';
import { nodeRuntime } from '../agents/node-runtime.ts';
import { findProfile } from '../agents/profiles.ts';
import { pathExists } from '../platform/files.ts';
import { inspectProject } from '../workspace/project.ts';
import { readAgentPrograms } from './agent-programs.ts';
import { DNS_PORT, listenedPorts, PROXY_PORT } from './policy.ts';
import type { CageSession } from './session.ts';
import { requireWorkspace } from './workspace-of.ts';

export async function composePlan(session: CageSession): Promise<CagePlan> {
  const { context, spec, paths, identity, callerIsRoot } = session;
  const workspace = await requireWorkspace(context, spec);
  // Below an overlay lies the project itself.
  if (workspace.strategy === 'overlay') await inspectProject(spec.project);
  const node = nodeRuntime({ node: process.execPath });
  const programs = readAgentPrograms(context, spec);
  const readOnly = [...node.readOnly, ...programs.flatMap((program) => program.readOnly)];
  const binds: Bind[] = [
    ...[...new Set(readOnly)].map((path) => ({ source: path, target: path, writable: false })),
    ...workspace.extraReadOnlyBinds.map(({ source, target }) => ({ source, target, writable: false })),
    ...spec.binds,
  ];
  const target = spec.project;
  return {
    name: spec.name,
    identity,
    callerIsRoot,
    runDirectory: paths.run,
    tmpDirectory: paths.tmp,
    homeDirectory: paths.home,
    homeTarget: spec.home,
    workspace:
      workspace.strategy === 'copy'
        ? { kind: 'directory', source: workspace.directories.tree, target, writable: true }
        : { kind: 'overlay', lower: spec.project, ...workspace.directories, target },
    binds,
    masks: workspace.maskedPaths,
    env: cageEnvironment(session, [...programs.map((program) => dirname(program.command)), node.binDirectory]),
    limits: { memoryBytes: spec.limits.memoryBytes, pids: spec.limits.pids, cpus: spec.limits.cpus },
    listeners: cageListeners(session),
  };
}

/** What the egress of this cage listens on. */
export function cageListeners({ spec }: Pick<CageSession, 'spec'>): ListenerRequest[] {
  return [
    ...listenedPorts(spec).map((port): ListenerRequest => ({ purpose: 'tcp', port })),
    { purpose: 'proxy', port: PROXY_PORT },
    { purpose: 'dns-tcp', port: DNS_PORT },
    { purpose: 'dns-udp', port: DNS_PORT },
  ];
}

/** The whole environment inside: nothing of the caller's comes in unless it was named. */
function cageEnvironment(
  { spec, context }: CageSession,
  programDirectories: readonly string[],
): Record<string, string> {
  const path = [
    ...new Set([...programDirectories, '/usr/local/bin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/sbin', '/sbin']),
  ];
  const proxy = `http://127.0.0.1:${PROXY_PORT}`;
  const direct = 'localhost,127.0.0.1,::1';
  const bundled = [
    'SSL_CERT_FILE',
    'REQUESTS_CA_BUNDLE',
    'PIP_CERT',
    'CURL_CA_BUNDLE',
    'GIT_SSL_CAINFO',
    'AWS_CA_BUNDLE',
    'CARGO_HTTP_CAINFO',
    'DENO_CERT',
  ];
  const env: Record<string, string> = {
    HOME: spec.home,
    USER: CAGE_USER,
    LOGNAME: CAGE_USER,
    SHELL: pathExists('/bin/bash') ? '/bin/bash' : '/bin/sh',
    PATH: [`${spec.home}/.local/bin`, ...path].join(':'),
    LANG: context.environment['LANG'] ?? 'C.UTF-8',
    IRONCAGE: spec.name,
    // Git's last resort, so that an agent can commit where neither the user nor the project says who that is.
    EMAIL: `${CAGE_USER}@ironcage.invalid`,
    ...Object.fromEntries(bundled.map((name) => [name, INSIDE_BUNDLE])),
    // One certificate, not the bundle: Node parses the file at every start.
    NODE_EXTRA_CA_CERTS: INSIDE_CA,
    ...Object.fromEntries(['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].map((name) => [name, proxy])),
    NO_PROXY: direct,
    no_proxy: direct,
  };
  if (spec.agent !== undefined) Object.assign(env, findProfile(spec.agent).env);
  for (const binding of spec.secrets) env[binding.env] = binding.placeholder;
  return { ...env, ...spec.env };
}
