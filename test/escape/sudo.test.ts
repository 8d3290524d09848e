// What root of a container of `--sudo` cannot do, each beside what it can; and that sudo is nothing where it was not asked for.
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadWorkspace } from '../../src/workspace/workspace.ts';
import { BACKEND } from '../support/backends.ts';
import { startTestCage, type TestCage } from '../support/cage.ts';
import { engineReason } from '../support/engines.ts';
import { escapeTests } from '../support/escape-case.ts';

const isHere = BACKEND === 'podman' && process.getuid?.() === 0 && engineReason('podman') === undefined;

describe.skipIf(!isHere)('as root of the container', () => {
  let cage: TestCage;
  beforeAll(async () => {
    cage = await startTestCage('rooted', { options: { sudo: true } });
  });
  afterAll(() => cage.remove());

  escapeTests(
    () => cage,
    (
      [
        ['ESC-SUDO-01', 'a setting of the network is changed', 'echo 1 >/proc/sys/net/ipv4/ip_forward && echo done'],
        ['ESC-SUDO-02', 'the route to the egress is taken away', 'ip route flush table local && echo done'],
        ['ESC-SUDO-03', 'a network device is made', 'ip link add name d0 type dummy && echo done'],
        ['ESC-SUDO-04', 'something is mounted', 'mount -t tmpfs none /mnt && echo done'],
        ['ESC-SUDO-05', 'a mount is opened to set-uid files', 'mount -o remount,suid,rw /ironcage && echo done'],
        ['ESC-SUDO-06', 'a disk is made', 'mknod /disk b 8 0 && echo done'],
        ['ESC-SUDO-07', 'another root is entered', 'chroot / true && echo done'],
        ['ESC-SUDO-08', 'a network of its own is made', 'unshare --net true && echo done'],
        ['ESC-SUDO-09', 'the certificates are written', 'echo x >/ironcage/ca.pem && echo done'],
        [
          'ESC-SUDO-10',
          'a port of the egress is taken',
          `python3 -c 'import socket; s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(("127.0.0.1", 443)); s.listen(); print("done")'`,
        ],
        ['ESC-SUDO-11', 'the first process is ended', 'kill -KILL 1; kill -0 1 || echo done'],
      ] as const
    ).map(([id, attempt, command]) => ({
      ...{ id, attempt, script: `sudo sh -c '${command.replaceAll("'", `'\\''`)}' 2>&1 | grep -cx done`, fails: /^0$/ },
      control: { on: 'inside' as const, script: 'sudo id -u', shows: /^0$/ },
    })),
  );

  test('it can install for itself, and what it leaves on this machine is nobody’s', async () => {
    const script =
      'sudo touch /usr/bin/added && cp /bin/sh mine && sudo cp mine theirs && sudo chmod 4755 theirs && stat -c %u theirs';
    const { stdout, stderr } = await cage.sh(script);
    expect(stdout, stderr).toBe('0');
    const workspace = await loadWorkspace(join(cage.context.dataRoot, 'cages', cage.name));
    if (workspace?.strategy !== 'copy') throw new Error('the workspace is no copy');
    const left = lstatSync(join(workspace.directories.tree, 'theirs'));
    expect(left.mode & 0o4000).toBe(0o4000);
    expect(left.uid).toBeGreaterThanOrEqual(1_073_741_824);
  });

  test('who is not root has no more than in any cage', async () => {
    expect((await cage.sh('touch /usr/bin/x 2>/dev/null; cat /etc/shadow 2>/dev/null; id -u')).stdout).toBe('1000');
  });

  test('without --sudo the same program gives nothing', async () => {
    const plain = await startTestCage('plain');
    try {
      expect((await plain.sh('[ -u /usr/bin/sudo ] && echo there; sudo -n id -u 2>&1')).stdout).toMatch(
        /^there\n(?!0)/,
      );
    } finally {
      await plain.remove();
    }
  });
});
