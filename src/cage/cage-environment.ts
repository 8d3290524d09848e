// The environment of every program in a cage. Nothing of the caller's comes in unless it was named.
import { dirname } from 'node:path';
import { nodeRuntime } from '../agents/node-runtime.ts';
import { AGENTS } from '../agents/profiles.ts';
import { CAGE_USER } from '../backends/host/etc.ts';
import { INSIDE_BIN, INSIDE_BUNDLE, INSIDE_CA } from '../backends/host/layout.ts';
import { pathExists } from '../platform/files.ts';
import { readAgentPrograms } from './agent-programs.ts';
import { PROXY_PORT } from './policy.ts';
import type { CageSession } from './session.ts';
import type { CageSpec } from './spec.ts';

/** Complete. */
export function cageEnvironment({ spec, context }: CageSession): Record<string, string> {
  const programs = readAgentPrograms(context, spec).map(({ command }) => dirname(command));
  const path = [...new Set([...programs, ...ownDirectories(spec), ...SYSTEM_DIRECTORIES, INSIDE_BIN])];
  const env: Record<string, string> = {
    HOME: spec.home,
    USER: CAGE_USER,
    LOGNAME: CAGE_USER,
    SHELL: spec.backend === 'native' && pathExists('/bin/bash') ? '/bin/bash' : '/bin/sh',
    PATH: [`${spec.home}/.local/bin`, ...path].join(':'),
    LANG: context.environment['LANG'] ?? 'C.UTF-8',
    IRONCAGE: spec.name,
    // Git's last resort, so that an agent can commit where neither the user nor the project says who that is.
    EMAIL: `${CAGE_USER}@ironcage.invalid`,
    ...(spec.net === 'open' ? {} : throughEgress()),
  };
  // A user's own agent has put them into the spec.
  Object.assign(env, AGENTS.find(({ name }) => name === spec.agent)?.env);
  for (const binding of spec.secrets) env[binding.env] = binding.placeholder;
  return { ...env, ...spec.env };
}

/** What clients need to know of the egress and of the cage's own authority. */
function throughEgress(): Record<string, string> {
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
  return {
    ...Object.fromEntries(bundled.map((name) => [name, INSIDE_BUNDLE])),
    // One certificate, not the bundle: Node parses the file at every start.
    NODE_EXTRA_CA_CERTS: INSIDE_CA,
    ...Object.fromEntries(['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].map((name) => [name, proxy])),
    NO_PROXY: direct,
    no_proxy: direct,
  };
}

const SYSTEM_DIRECTORIES = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Of a native cage the directory of this machine's Node; a container has the programs of its image. */
function ownDirectories({ backend, imagePath = '' }: CageSpec): string[] {
  if (backend === 'native') return [nodeRuntime({ node: process.execPath }).binDirectory];
  return imagePath.split(':').filter((directory) => directory.startsWith('/'));
}
