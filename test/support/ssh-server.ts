// A real OpenSSH server on this machine, for whoever runs the tests and one key, with a host key of its own. Of the machine's own settings
// of SSH neither side reads any.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { until } from './sandbox.ts';

/** Debian's openssh-server, as scripts/setup.mjs installs it. */
const SSHD = '/usr/sbin/sshd';

export function sshReason(): string | undefined {
  return existsSync(SSHD) ? undefined : 'there is no sshd (openssh-server)';
}

export interface SshServer {
  /** That this machine's user is known by there. */
  user: string;
  port: number;
  /**
   * Writes settings of a client that calls the server `shop`, knows `hostKey` as its key, and shows `key`; returns their path. Nobody is
   * ever asked.
   */
  clientSettings(name: string, options?: { hostKey?: string; key?: string }): string;
  /** Makes a key pair; returns the path of the private half. */
  makeKey(name: string): string;
  close(): Promise<void>;
}

/** Below `directory`, which is made. */
export async function startSshServer(directory: string): Promise<SshServer> {
  mkdirSync(directory);
  const makeKey = (name: string): string => {
    const path = join(directory, name);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path]);
    return path;
  };
  const [hostKey, key, port] = [makeKey('host'), makeKey('key'), await freePort()];
  const settings = join(directory, 'sshd_config');
  writeFileSync(
    settings,
    [
      ...[`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${hostKey}`, 'PidFile none', 'UsePAM no'],
      ...[`AuthorizedKeysFile ${key}.pub`, 'StrictModes no', 'PasswordAuthentication no'],
      ...['KbdInteractiveAuthentication no', 'PermitRootLogin prohibit-password', 'AcceptEnv GIT_PROTOCOL', ''],
    ].join('\n'),
  );
  // Where root's sshd locks itself in; made by its service, which need not run.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const daemon = spawn(SSHD, ['-D', '-e', '-f', settings], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  daemon.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<void>((resolve) => daemon.once('exit', () => resolve()));
  await until('sshd to listen', async () => {
    if (daemon.exitCode !== null) throw new Error(`sshd has ended: ${said}`);
    return answers(port);
  });
  return {
    user: userInfo().username,
    port,
    makeKey,
    clientSettings: (name, options = {}) => {
      const [known, path] = [join(directory, `${name}.known`), join(directory, `${name}.config`)];
      const [type = '', blob = ''] = execFileSync('ssh-keygen', ['-y', '-f', options.hostKey ?? hostKey], {
        encoding: 'utf8',
      }).split(' ');
      writeFileSync(known, `[127.0.0.1]:${port} ${type} ${blob}\n`);
      writeFileSync(
        path,
        [
          ...['Host shop', '  HostName 127.0.0.1', `  Port ${port}`, 'Host *', `  IdentityFile ${options.key ?? key}`],
          ...['  IdentitiesOnly yes', '  IdentityAgent none', '  BatchMode yes', '  StrictHostKeyChecking yes'],
          ...[`  UserKnownHostsFile ${known}`, '  GlobalKnownHostsFile none', ''],
        ].join('\n'),
      );
      return path;
    },
    close: () => {
      daemon.kill();
      return ended;
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
