import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseOptions, type CageOptions } from './options.ts';

const directory = mkdtempSync(join(tmpdir(), 'ironcage-options-'));
afterAll(() => rmSync(directory, { recursive: true }));
writeFileSync(join(directory, 'ca.pem'), 'CERTIFICATE');
writeFileSync(join(directory, 'vars'), 'ONE=1\nTWO="two words"\n');

const NONE: CageOptions = { allow: [], routes: [], secrets: [], env: [], envFiles: [], mounts: [] };
const parse = (options: Partial<CageOptions>): ReturnType<typeof parseOptions> =>
  parseOptions({ ...NONE, ...options }, { FROM_HOST: 'seen' }, directory);

test('nothing given is the safe default, complete', () => {
  expect(parse({})).toEqual({
    name: undefined,
    backend: 'native',
    runtime: undefined,
    sudo: false,
    preset: 'safe',
    workspace: 'copy',
    net: 'filtered',
    auth: 'api-key',
    routes: [],
    secrets: [],
    env: {},
    binds: [],
    dirs: [],
    ports: [],
    profile: undefined,
    caches: undefined,
    limits: { memoryBytes: undefined, pids: 4096, cpus: undefined },
    budget: {},
    includeIgnored: false,
  });
});

test.each([
  [{ backend: 'vm' }, 'E_PROTECTION'],
  [{ backend: 'docker', image: 'x', packages: ['jq'] }, 'E_USAGE'],
  [{ backend: 'docker', image: 'x', dockerfile: 'Dockerfile' }, 'E_USAGE'],
  [{ dockerfile: 'Dockerfile' }, 'E_USAGE'],
  [{ toolchains: ['node=22'] }, 'E_USAGE'],
  [{ runtime: 'runsc' }, 'E_USAGE'],
  [{ backend: 'podman', runtime: '--root=/' }, 'E_USAGE'],
  [{ sudo: true }, 'E_USAGE'],
  [{ branch: '--upload-pack=id' }, 'E_USAGE'],
  [{ branch: 'a b' }, 'E_USAGE'],
  [{ depth: '0' }, 'E_USAGE'],
  [{ depth: '-1' }, 'E_USAGE'],
  [{ includeIgnored: true, workspace: 'mount' }, 'E_USAGE'],
  [{ backend: 'podman', sudo: true, profile: 'shared' }, 'E_USAGE'],
  [{ backend: 'docker', image: '-x' }, 'E_USAGE'],
  [{ image: 'debian' }, 'E_USAGE'],
  [{ preset: 'locked' }, 'E_PROTECTION'],
  [{ net: 'wide' }, 'E_USAGE'],
  [{ auth: 'subscription' }, 'E_PROTECTION'],
  [{ backend: 'chroot' }, 'E_USAGE'],
  [{ name: '..' }, 'E_NAME'],
  [{ routes: ['api.example.com'] }, 'E_USAGE'],
  [{ routes: ['api.example.com=localhost:1'] }, 'E_USAGE'],
  [{ routes: ['api.example.com=127.0.0.1:0'] }, 'E_USAGE'],
  [{ routes: ['api.example.com=127.0.0.1:70000'] }, 'E_USAGE'],
  [{ routes: ['api.example.com=127.0.0.1:1,ca=missing.pem'] }, 'E_USAGE'],
  [{ secrets: ['lower'] }, 'E_USAGE'],
  [{ env: ['1X=2'] }, 'E_USAGE'],
  [{ env: ['NOT_SET_ANYWHERE'] }, 'E_USAGE'],
  [{ envFiles: ['missing'] }, 'E_USAGE'],
  [{ mounts: ['missing-file'] }, 'E_USAGE'],
  [{ mounts: ['ca.pem:relative'] }, 'E_USAGE'],
  [{ mounts: ['ca.pem:/a/../etc'] }, 'E_USAGE'],
  [{ memory: '1k' }, 'E_USAGE'],
  [{ memory: 'lots' }, 'E_USAGE'],
  [{ pids: '1.5' }, 'E_USAGE'],
  [{ pids: '0' }, 'E_USAGE'],
  [{ cpus: '0' }, 'E_USAGE'],
] satisfies [Partial<CageOptions>, string][])('%j is refused with %s', (options, code) => {
  expect(() => parse(options)).toThrow(expect.objectContaining({ code }));
});

test('sizes, variables, routes and mounts are read', () => {
  const request = parse({
    memory: '1.5g',
    pids: '64',
    cpus: '0.5',
    env: ['A=b=c', 'FROM_HOST'],
    envFiles: ['vars'],
    routes: ['API.example.com=127.0.0.1:8443,ca=ca.pem', 'six.example=[::1]:443'],
    mounts: ['ca.pem:/data/ca.pem:ro', 'vars'],
    secrets: ['TOKEN_1'],
  });
  expect(request.limits).toEqual({ memoryBytes: 1610612736, pids: 64, cpus: 0.5 });
  expect(request.env).toEqual({ ONE: '1', TWO: 'two words', A: 'b=c', FROM_HOST: 'seen' });
  expect(request.routes).toEqual([
    { host: 'api.example.com', address: '127.0.0.1', port: 8443, caPem: 'CERTIFICATE' },
    { host: 'six.example', address: '::1', port: 443 },
  ]);
  expect(request.binds).toEqual([
    { source: join(directory, 'ca.pem'), target: '/data/ca.pem', writable: false },
    { source: join(directory, 'vars'), target: join(directory, 'vars'), writable: true },
  ]);
});
