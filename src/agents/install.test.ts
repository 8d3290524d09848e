// The real npm against a registry on loopback: what is pinned, what stays after a failure, and that two at once make one.
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { hostEnvironment } from '../platform/environment.ts';
import { run } from '../platform/processes.ts';
import { ensureAgent } from './ensure.ts';
import { findInstalled, installAgent } from './install.ts';
import type { Machine } from './machine.ts';
import type { AgentProfile } from './profile.ts';
import { shell } from './shell.ts';

const machine: Machine = { platform: 'linux-x64', root: false, node: process.execPath };
let root: string;
let tarball: Buffer;
let server: Server;
let registry: string;
let downloads = 0;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ironcage-install-'));
  mkdirSync(join(root, 'package'));
  const trap = `node -e "require('fs').writeFileSync('${join(root, 'script-ran')}', '')"`;
  const manifest = { name: '@test/agent-linux-x64', version: '1.2.3', scripts: { postinstall: trap } };
  writeFileSync(join(root, 'package/package.json'), JSON.stringify(manifest));
  writeFileSync(join(root, 'package/agent'), '#!/bin/sh\necho agent\n', { mode: 0o700 });
  const packed = await run('tar', ['-cz', '-C', root, 'package'], { env: hostEnvironment() });
  tarball = packed.stdout;
  server = createServer((request, response) => {
    if (request.url === '/agent.tgz') {
      downloads += 1;
      response.end(tarball);
      return;
    }
    const name = decodeURIComponent(request.url ?? '').slice(1);
    if (name !== manifest.name) {
      response.writeHead(404).end('{}');
      return;
    }
    const dist = { tarball: `${registry}/agent.tgz`, integrity: integrity(tarball) };
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ name, versions: { '1.2.3': { ...manifest, dist } }, 'dist-tags': { latest: '1.2.3' } }),
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the registry has no port');
  registry = `http://127.0.0.1:${address.port}`;
});
afterAll(() => {
  server.close();
  rmSync(root, { recursive: true, force: true });
});

let agents: string;
beforeEach(() => {
  agents = join(root, randomBytes(4).toString('hex'));
  downloads = 0;
});

function integrity(bytes: Buffer): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}

function agent(pinned = integrity(tarball), name = '@test/agent-linux-x64'): AgentProfile {
  const platform = { name, integrity: pinned, program: 'agent', sizeBytes: 100 };
  const install = {
    kind: 'npm',
    package: '@test/agent',
    version: '1.2.3',
    platformPackages: { 'linux-x64': platform },
  } as const;
  return { ...shell, name: 'agent', title: 'Test Agent', program: 'agent-under-test', install };
}

function options(overrides: Record<string, string> = {}) {
  const lines: string[] = [];
  const npm = {
    npm_config_registry: registry,
    npm_config_cache: `${agents}-cache`,
    npm_config_fetch_retries: '0',
  };
  const environment = { PATH: hostEnvironment()['PATH'], HOME: root, ...npm, ...overrides };
  return { environment, progress: (line: string) => lines.push(line), machine, lines };
}

test('an agent that the host lacks is installed once, readable by all, with progress, and no script of it is run', async () => {
  const given = options();
  const program = await ensureAgent(agent(), agents, given);
  const command = join(agents, 'agent/1.2.3/node_modules/@test/agent-linux-x64/agent');
  expect(program).toEqual({
    command,
    argv: [command],
    readOnly: [command],
    interpreter: 'native',
    version: '1.2.3',
    source: 'installed',
  });
  expect(statSync(command).mode & 0o777).toBe(0o755);
  expect(readFileSync(command, 'utf8')).toContain('echo agent');
  expect(given.lines[0]).toContain('installing Test Agent 1.2.3');
  expect(existsSync(join(root, 'script-ran'))).toBe(false);

  const again = options();
  expect(await ensureAgent(agent(), agents, again)).toEqual(program);
  expect(again.lines).toEqual([]);
});

test('a platform’s package may be published under another name, and be needed with what lies around its program', async () => {
  const published = { name: '@test/agent-linux-x64', version: '1.2.3' };
  const platform = { name: '@test/alias', published, integrity: integrity(tarball), program: 'agent', companions: '.' };
  const profile: AgentProfile = {
    ...shell,
    name: 'agent',
    program: 'agent-under-test',
    install: {
      kind: 'npm',
      package: '@test/agent',
      version: '9.9.9',
      platformPackages: { 'linux-x64': { ...platform, sizeBytes: 100 } },
    },
  };
  const program = await installAgent(profile, agents, options());
  const home = join(agents, 'agent/9.9.9/node_modules/@test/alias');
  expect(program).toMatchObject({ command: join(home, 'agent'), readOnly: [home], version: '9.9.9' });
  expect(readFileSync(program.command, 'utf8')).toContain('echo agent');
});

test('two installs at once make one, and leave nothing else behind', async () => {
  const results = await Promise.all([
    installAgent(agent(), agents, options()),
    installAgent(agent(), agents, options()),
  ]);
  expect(results[0]).toEqual(results[1]);
  expect(downloads).toBe(1);
  expect(readdirSync(join(agents, 'agent'))).toEqual(['1.2.3']);
});

test('what a killed install left is cleared away by the next one', async () => {
  mkdirSync(join(agents, 'agent/.installing-0123/node_modules'), { recursive: true });
  mkdirSync(join(agents, 'agent/1.2.3/node_modules'), { recursive: true });
  expect(findInstalled(agent(), agents, machine)).toBeUndefined();
  await installAgent(agent(), agents, options());
  expect(readdirSync(join(agents, 'agent'))).toEqual(['1.2.3']);
});

test.each([
  {
    what: 'other bytes than the pinned ones',
    profile: () => agent(integrity(Buffer.from('other'))),
    because: 'other bytes',
  },
  {
    what: 'a package that the registry lacks',
    profile: () => agent(undefined, '@test/absent'),
    because: 'pinned version',
  },
  {
    what: 'no registry at all',
    profile: () => agent(),
    because: 'cannot be reached',
    environment: { npm_config_registry: 'http://127.0.0.1:9' },
  },
])('$what is an E_AGENT_INSTALL, and nothing is kept', async ({ profile, because, environment }) => {
  const given = options(environment);
  await expect(installAgent(profile(), agents, given)).rejects.toMatchObject({
    code: 'E_AGENT_INSTALL',
    because: expect.stringContaining(because),
  });
  expect(readdirSync(join(agents, 'agent'))).toEqual([]);
});

test('no npm is an error that says so', async () => {
  const elsewhere = { ...machine, node: join(root, 'no-npm-here/node') };
  const given = { ...options({ PATH: root }), machine: elsewhere };
  await expect(installAgent(agent(), agents, given)).rejects.toMatchObject({
    code: 'E_AGENT_INSTALL',
    message: expect.stringContaining('npm'),
  });
});

test('a platform that the agent does not exist for is named, with those it exists for', async () => {
  const given = { ...options(), machine: { ...machine, platform: 'linux-riscv64' } };
  await expect(installAgent(agent(), agents, given)).rejects.toMatchObject({
    message: 'there is no Test Agent for linux-riscv64',
    hint: 'it exists for linux-x64',
  });
});

test('what belongs to the system is not installed by ironcage', async () => {
  const { install: _install, ...system } = agent();
  await expect(ensureAgent(system, agents, options())).rejects.toMatchObject({ code: 'E_AGENT_INSTALL' });
});
