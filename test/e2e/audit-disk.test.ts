// A disk that is really full, without being root: a file system of 64 KiB in a namespace of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from '../../src/platform/processes.ts';

const env = { PATH: process.env['PATH'] };
const script = 'mount -t tmpfs -o size=64k tmpfs "$1" && exec "$2" "$3" "$1" "$4"';
const NAMESPACE = ['-rm', 'sh', '-c'];

const mayMount = await run('unshare', [...NAMESPACE, 'mount -t tmpfs tmpfs /mnt'], { env }).then(
  ({ exitCode }) => exitCode === 0,
  () => false,
);

test.skipIf(!mayMount && process.getuid?.() !== 0)(
  'a full disk refuses records, keeps those that were written, and takes more by itself when there is room (needs unshare)',
  async () => {
    const disk = mkdtempSync(join(tmpdir(), 'ironcage-disk-'));
    try {
      const child = fileURLToPath(new URL('./audit-disk-child.mjs', import.meta.url));
      const dist = join(import.meta.dirname, '../../dist');
      const argv = [...NAMESPACE, script, 'sh', disk, process.execPath, child, dist];
      const { stdout, stderr } = await run('unshare', argv, { env });
      expect(stderr).toBe('');
      const told: { written: number } = JSON.parse(stdout.toString());
      const { written } = told;
      expect(written).toBeGreaterThan(10);
      expect(told).toEqual({
        written,
        refusal: 'E_DISK_FULL',
        refusedAgain: true,
        full: expect.objectContaining({ ok: true, records: written }),
        seq: written + 1,
        end: expect.objectContaining({ ok: true, records: written + 1, checkpoint: written + 1 }),
      });
    } finally {
      rmSync(disk, { recursive: true });
    }
  },
);
