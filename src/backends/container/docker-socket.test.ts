import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { askDocker, dockerSocket } from './docker-socket.ts';

let directory: string;
let server: Server | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-socket-'));
});
afterEach(() => {
  server?.close();
  rmSync(directory, { recursive: true, force: true });
});

function socketOf(selectors: readonly string[], settings?: string): string | undefined {
  if (settings !== undefined) writeFileSync(join(directory, 'config.json'), settings);
  return dockerSocket({ kind: 'docker', selectors, env: { DOCKER_CONFIG: directory } });
}

async function answering(status: number, body: string): Promise<{ socket: string; asked: string[] }> {
  const asked: string[] = [];
  const socket = join(directory, 'docker.sock');
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(status).end(body);
  });
  await new Promise<void>((listening) => server?.listen(socket, listening));
  return { socket, asked };
}

test('the socket is the one that the command line would use, or none', () => {
  expect(socketOf([])).toBe('/var/run/docker.sock');
  expect(socketOf([], '{"currentContext":"default"}')).toBe('/var/run/docker.sock');
  expect(socketOf([], '{"currentContext":"far"}')).toBeUndefined();
  expect(socketOf([], 'no JSON')).toBeUndefined();
  expect(socketOf(['--host', 'unix:///run/user/1000/docker.sock'])).toBe('/run/user/1000/docker.sock');
  expect(socketOf(['--host', 'tcp://127.0.0.1:2375'])).toBeUndefined();
  expect(socketOf(['--host', 'ssh://me@there'])).toBeUndefined();
  expect(socketOf(['--context', 'far'])).toBeUndefined();
  expect(dockerSocket({ kind: 'podman', selectors: [], env: {} })).toBeUndefined();
});

function ask(socket: string, method: 'GET' | 'POST', path: string): ReturnType<typeof askDocker> {
  return askDocker({ kind: 'docker', selectors: ['--host', `unix://${socket}`], env: {} }, method, path);
}

test('what the daemon answers is told as by its command line', async () => {
  const { socket, asked } = await answering(304, '');
  expect(await ask(socket, 'POST', '/containers/one/start')).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await ask(socket, 'GET', '/images/a b:1/json')).toMatchObject({ exitCode: 0 });
  expect(asked).toEqual(['POST /containers/one/start', 'GET /images/a%20b:1/json']);
});

test('a refusal brings the reason of the daemon', async () => {
  const { socket } = await answering(404, '{"message":"No such container: one"}');
  expect(await ask(socket, 'POST', '/x')).toMatchObject({ exitCode: 1, stderr: 'No such container: one' });
});

test('a daemon that is not there is told of, and one without a socket is not asked', async () => {
  const gone = await ask(join(directory, 'nobody.sock'), 'POST', '/x');
  expect(gone?.exitCode).toBe(1);
  expect(gone?.stderr).toMatch(/^cannot connect to the Docker daemon at .*ENOENT/);
  expect(await askDocker({ kind: 'docker', selectors: ['--context', 'far'], env: {} }, 'GET', '/x')).toBeUndefined();
});
