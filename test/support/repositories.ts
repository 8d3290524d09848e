// Real directories and real repositories for tests, nothing faked.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A new directory; `real` so that paths compare as text. */
export function temporaryDirectory(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'ironcage-workspace-')));
}

/** Writes files by relative path, with their directories. */
export function writeFiles(root: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [path, contents] of Object.entries(files)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, contents);
  }
}

/** Runs the machine's git as a user would, with a name to commit under; returns what it printed. */
export function userGit(cwd: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'init.defaultBranch=main'];
  const fixed = ['-c', 'protocol.file.allow=always', '-c', 'commit.gpgSign=false', '-c', 'safe.directory=*'];
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' };
  return execFileSync('git', [...identity, ...fixed, ...args], { cwd, env, encoding: 'utf8', stdio: 'pipe' });
}

/** A repository with one commit of `files`. */
export function createRepository(files: Readonly<Record<string, string | Buffer>>, ...initArgs: string[]): string {
  const root = temporaryDirectory();
  userGit(root, 'init', '--quiet', ...initArgs);
  writeFiles(root, files);
  userGit(root, 'add', '--all');
  userGit(root, 'commit', '--quiet', '--allow-empty', '-m', 'first');
  return root;
}
