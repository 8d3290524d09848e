// A project that comes over SSH from a real OpenSSH server, with the user's own ssh: its settings, its key, and what it knows of hosts.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { userGit } from '../support/repositories.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';
import { sshReason, startSshServer, type SshServer } from '../support/ssh-server.ts';

const reason = sshReason();
if (reason !== undefined) process.stderr.write(`projects over SSH are not tried: ${reason}\n`);
const here = test.skipIf(reason !== undefined);

let sandbox: Sandbox;
let server: SshServer;
let repository: string;
beforeAll(async () => {
  if (reason !== undefined) return;
  sandbox = openSandbox();
  const work = sandbox.project('work', { a: 'one\n' });
  userGit(sandbox.directory, 'clone', '--quiet', '--bare', work, 'shop.git');
  repository = join(sandbox.directory, 'shop.git');
  server = await startSshServer(join(sandbox.directory, 'ssh'));
});
afterAll(async () => {
  if (reason !== undefined) return;
  await server.close();
  await sandbox.close();
});

async function create(address: string, settings: string): Promise<CliResult> {
  const env = { GIT_SSH_COMMAND: `ssh -F ${settings}` };
  return sandbox.run(['create', address, '--name', 'over-ssh', '--json'], { env });
}

here('git@host:path and ssh:// come in by the user’s settings of ssh, work lands in the clone and is pushed from there', async () => {
  const settings = server.clientSettings('fine');
  const addresses = [
    `${server.user}@shop:${repository}`,
    `ssh://${server.user}@shop${repository}`,
    `ssh://${server.user}@127.0.0.1:${server.port}${repository}`,
  ];
  for (const [number, address] of addresses.entries()) {
    const made = await create(address, settings);
    expect([made.exitCode, made.stderr]).toEqual([0, '']);
    expect(made.json()).toMatchObject({ source: { url: address } });
    const inside = await sandbox.run(['exec', 'over-ssh', '--', 'sh', '-ec', 'cat a; git remote; env; echo two >>a']);
    expect(inside.stdout).toMatch(/^one\n/);
    for (const secret of ['GIT_SSH', settings, 'PRIVATE KEY']) expect(inside.stdout).not.toContain(secret);
    const branch = `from-${number}`;
    expect((await sandbox.run(['apply', 'over-ssh', '--branch', branch, '--yes'])).exitCode).toBe(0);
    const clone = join(sandbox.dataRoot, 'cages/over-ssh/source/shop');
    userGit(clone, '-c', `core.sshCommand=ssh -F ${settings}`, 'push', '--quiet', 'origin', branch);
    expect(userGit(repository, 'show', `${branch}:a`)).toBe('one\ntwo\n');
    expect((await sandbox.run(['rm', '-y', 'over-ssh'])).exitCode).toBe(0);
  }
}); // prettier-ignore

here('a host with another key, one that nobody knows, and a key that the server does not take are told apart, and leave nothing', async () => {
  const address = `${server.user}@shop:${repository}`;
  const other = server.makeKey('other');
  const unknown = server.clientSettings('unknown');
  writeFileSync(join(sandbox.directory, 'ssh/unknown.known'), '');
  for (const [settings, because, hint] of [
    [server.clientSettings('changed', { hostKey: other }), /REMOTE HOST IDENTIFICATION HAS CHANGED/, /known_hosts/],
    [unknown, /No ED25519 host key is known/, /known_hosts/],
    [server.clientSettings('stranger', { key: other }), /Permission denied \(publickey\)/, /ssh-add/],
  ] as const) {
    const { exitCode, stderr } = await create(address, settings);
    expect(exitCode).toBe(125);
    const { error } = JSON.parse(stderr.trim().split('\n').at(-1) ?? '');
    expect(error).toMatchObject({ code: 'E_WORKSPACE', message: `git could not clone ${address}` });
    expect(JSON.stringify(error)).toMatch(because);
    expect(error.hint).toMatch(hint);
    expect(existsSync(join(sandbox.dataRoot, 'cages/over-ssh'))).toBe(false);
  }
  expect(readFileSync(join(sandbox.directory, 'ssh/unknown.known'), 'utf8')).toBe('');
}); // prettier-ignore
