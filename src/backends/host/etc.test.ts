import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { etcFiles, etcMasks, linkTarget } from './etc.ts';

const etc = mkdtempSync(join(tmpdir(), 'ironcage-etc-'));
afterAll(() => rmSync(etc, { recursive: true }));

function put(path: string, mode: number): void {
  mkdirSync(join(etc, path, '..'), { recursive: true });
  writeFileSync(join(etc, path), 'x', { mode });
  chmodSync(join(etc, path), mode);
}

put('passwd', 0o644);
put('shadow', 0o640);
put('ssh/ssh_host_key', 0o600);
put('private-by-mode', 0o600);
put('app/secret.conf', 0o640);
put('app/plain.conf', 0o644);
put('ssl/private/key.pem', 0o644);
put('ssl/certs/ca.crt', 0o644);
symlinkSync('private-by-mode', join(etc, 'link'));

test('what holds secrets by its name or its mode is covered, and nothing else', () => {
  const masked = etcMasks(etc).map(({ path, kind }) => `${kind} ${path.slice(etc.length + 1)}`);
  expect(masked.sort()).toEqual([
    'directory ssh',
    'directory ssl/private',
    'file app/secret.conf',
    'file private-by-mode',
    'file shadow',
  ]);
});

test('a link is followed to where the file would be, also when it is missing', () => {
  symlinkSync('../run/resolve/stub.conf', join(etc, 'resolv.conf'));
  symlinkSync('/elsewhere/hosts', join(etc, 'hosts'));
  expect(linkTarget(join(etc, 'resolv.conf'))).toBe(join(etc, '../run/resolve/stub.conf'));
  expect(linkTarget(join(etc, 'hosts'))).toBe('/elsewhere/hosts');
  expect(linkTarget(join(etc, 'passwd'))).toBe(join(etc, 'passwd'));
});

test('the cage’s own files know one user beside root and nobody, and one resolver', () => {
  const user = { uid: 1000, gid: 1001, home: '/home/agent', shell: '/bin/bash' };
  const files = new Map(etcFiles(user, 'shop').map(({ name, text }) => [name, text]));
  expect(files.get('passwd')).toContain('agent:x:1000:1001:agent:/home/agent:/bin/bash\n');
  expect(files.get('resolv.conf')).toMatch(/^nameserver 127\.0\.0\.1\n/);
  expect(files.get('hosts')).toContain('shop');
});
