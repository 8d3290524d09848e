// What a new cage has of the user's: the seed of its home and files of variables, there before its first program runs.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { restartCage } from '../../src/index.ts';
import { startTestCage, type TestCage } from '../support/cage.ts';

let cage: TestCage;
beforeAll(async () => {
  cage = await startTestCage('seeded', {
    files: { 'README.md': 'a project\n', '.cage.env': 'LEVEL=project\nPROJECT=yes\nNAMED=project\n' },
    prepare: (project, context) => {
      const config = dirname(context.configFile);
      mkdirSync(join(config, 'home/.config/tool'), { recursive: true });
      writeFileSync(join(config, 'env'), 'LEVEL=user\nUSERS=yes\nNAMED=user\n');
      writeFileSync(join(config, 'home/.netrc-like'), 'private\n');
      chmodSync(join(config, 'home/.netrc-like'), 0o600);
      writeFileSync(join(config, 'home/.config/tool/run'), '#!/bin/sh\necho ran\n');
      chmodSync(join(config, 'home/.config/tool/run'), 0o755);
      symlinkSync('.config/tool/run', join(config, 'home/run'));
      writeFileSync(join(project, 'more.env'), 'NAMED=file\nFILE=yes\n');
    },
    options: { envFiles: ['more.env'], env: ['NAMED=flag'] },
  });
});
afterAll(() => cage.remove());

test('the seed is there, the cage’s own, with its modes and links', async () => {
  const { stdout } = await cage.sh('cd; cat .netrc-like; stat -c "%a %u" .netrc-like .config/tool/run; ./run; id -u');
  const [text, file, program, ran, uid] = stdout.split('\n');
  expect([text, file, program, ran]).toEqual(['private', `600 ${uid}`, `755 ${uid}`, 'ran']);
});

test('what the cage writes over its seed stays, also over a restart', async () => {
  await cage.sh('echo mine >~/.netrc-like');
  await restartCage(cage.context, cage.name);
  expect((await cage.sh('cat ~/.netrc-like')).stdout).toBe('mine');
});

test('the project’s variables count more than the user’s, a file that was named more, a flag most', async () => {
  const { stdout } = await cage.sh('echo "$LEVEL $USERS $PROJECT $FILE $NAMED"');
  expect(stdout).toBe('project yes yes yes flag');
});
