// The whole way of work, over whatever isolates the cage: in, out by each command, kept, and on another way. What a backend has a part in
// is who owns the files, how a cage that runs is written into, held still and started again.
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  applyCage,
  backupCage,
  diffCage,
  exportCage,
  forkCage,
  patchesOfCage,
  planRestore,
  removeCage,
  restoreBackup,
  reviewCage,
  rewindCage,
  startCage,
  stopCage,
  syncCage,
  takeSnapshot,
} from '../../src/index.ts';
import { ownerOf, underGit } from '../support/mounted.ts';
import { userGit, writeFiles } from '../support/repositories.ts';
import type { MakeCage } from './backend-contract.ts';

const EXPORT = { deletes: false, protect: [], includeIgnored: false, force: false };

export function describeWork(makeCage: MakeCage): void {
  test('work comes out by each way, the host’s goes in, and a snapshot, a fork and a backup have it', async () => {
    const cage = await makeCage('work', {
      files: { 'README.md': 'one\n', 'src/a.js': 'a\n', 'old.txt': 'old\n', 'big.bin': LFS_POINTER },
      prepare: underGit,
    });
    const { context, name, project } = cage;
    const others: string[] = [];
    const paths = async (of = name): Promise<string[]> => (await diffCage(context, of)).files.map(({ path }) => path);
    const read = (path: string): string => readFileSync(join(project, path), 'utf8');
    try {
      const edit = 'echo two >>README.md; printf "#!/bin/sh\\n" >run.sh; chmod 755 run.sh; rm old.txt; ln -s run.sh go';
      expect(await cage.sh(`${edit}; echo mine >~/note`)).toMatchObject({ exitCode: 0, stderr: '' });
      expect(await paths()).toEqual(['README.md', 'go', 'old.txt', 'run.sh']);
      expect((await reviewCage(context, name)).files.map(({ path }) => path)).toEqual(['run.sh']);

      writeFiles(project, { 'src/b.js': 'b\n' });
      userGit(project, 'add', 'src/b.js');
      userGit(project, 'commit', '--quiet', '-m', 'second');
      const synced = await syncCage(context, name, { paths: [], force: false, dryRun: false });
      expect(synced).toMatchObject({ files: [{ path: 'src/b.js' }], conflicts: [] });
      const seen = await cage.sh(
        'cat src/b.js; [ "$(stat -c %u src/b.js)" = "$(id -u)" ] && echo own; echo c >>src/b.js',
      );
      expect(seen.stdout).toBe('b\nown');

      const { patches } = await patchesOfCage(context, name);
      expect(patches.map(({ file }) => file)).toEqual(['0001-Uncommitted-work-of-the-cage-work.patch']);
      const exported = await exportCage(context, name, { ...EXPORT, hostExecutable: 'accept' });
      expect(exported.exported).toEqual(['README.md', 'go', 'run.sh', 'src/b.js']);
      expect([read('README.md'), read('src/b.js'), existsSync(join(project, 'old.txt'))]).toEqual(['one\ntwo\n', 'b\nc\n', true]); // prettier-ignore
      expect([statSync(join(project, 'run.sh')).mode & 0o111, ownerOf(join(project, 'go'))]).toEqual([0o111, ownerOf(project)]); // prettier-ignore
      const applied = await applyCage(context, name, { target: 'working-tree', hostExecutable: 'accept' });
      expect([applied.applied, existsSync(join(project, 'old.txt'))]).toEqual([['old.txt'], false]);
      await applyCage(context, name, { target: { branch: 'agent/work' }, hostExecutable: 'accept' });
      expect(userGit(project, 'show', 'agent/work:README.md')).toBe('one\ntwo\n');
      expect(ownerOf(join(project, '.git/refs/heads/agent/work'))).toEqual(ownerOf(project));

      await stopCage(context, name);
      await takeSnapshot(context, name, { name: 'first' });
      await startCage(context, name);
      await cage.sh('echo later >>README.md; echo later >~/note');
      // It runs and nobody is in it: it is started again.
      const rewound = await rewindCage(context, name, 'first');
      expect(rewound.putAside).toEqual(['README.md']);
      expect((await cage.sh('cat README.md ~/note; [ -w README.md ] && echo own')).stdout).toBe('one\ntwo\nmine\nown');
      await stopCage(context, name);
      expect(await paths((await forkCage(context, name, 'forked')).cage)).toEqual(await paths());
      others.push('forked');

      const file = join(cage.directory, 'kept.backup');
      await backupCage(context, name, { file, force: false });
      const { seal } = await planRestore(context, file, { name: 'restored' });
      others.push('restored');
      await restoreBackup(context, file, { seal, name: 'restored', force: false, discard: false });
      expect(await paths('restored')).toEqual(await paths());
      for (const other of others) await startCage(context, other);
      for (const other of others) {
        const files = join(cage.directory, `${other}-files`);
        await exportCage(context, other, { ...EXPORT, output: files, hostExecutable: 'accept' });
        expect(readFileSync(join(files, 'README.md'), 'utf8')).toBe('one\ntwo\n');
        expect(readFileSync(join(files, 'big.bin'), 'utf8')).toBe(LFS_POINTER);
      }
      writeFileSync(join(project, 'README.md'), 'host\n');
      chmodSync(join(project, 'README.md'), 0o644);
      await startCage(context, name);
      await expect(syncCage(context, name, { paths: [], force: false, dryRun: false })).rejects.toMatchObject({ code: 'E_CONFLICT' }); // prettier-ignore
    } finally {
      for (const other of others) await removeCage(context, other, { discard: true });
      await cage.remove();
    }
  });
}

const LFS_POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`;
