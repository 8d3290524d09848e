// The project that the demo's agent works on: small, with a history, an ignored secret file and a remote with a password in it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FILES = {
  'package.json': `${JSON.stringify({ name: 'sample', version: '1.0.0', type: 'module', private: true }, undefined, 2)}\n`,
  'README.md': '# Sample\n\nGreets people.\n',
  'src/greet.js': 'export function greet(name) {\n  return `Hello ${name}`;\n}\n',
  'src/main.js': "import { greet } from './greet.js';\nconsole.log(greet('world'));\n",
  'docs/old-notes.md': 'To be deleted.\n',
  '.gitignore': 'node_modules\n.env\n',
};

/** Makes the project in `directory`, which must not exist. `remotePassword` is what must never be seen inside the cage. */
export function createSampleProject(directory, remotePassword) {
  mkdirSync(directory);
  for (const [path, content] of Object.entries(FILES)) {
    mkdirSync(join(directory, dirname(path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  writeFileSync(join(directory, '.env'), `DATABASE_PASSWORD=${remotePassword}\n`, { mode: 0o600 });
  const git = (...args) => execFileSync('git', ['-C', directory, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  git('init', '--quiet', '--initial-branch=main');
  git('add', '--all');
  const author = ['-c', 'user.name=Demo', '-c', 'user.email=demo@example.com'];
  git(...author, '-c', 'commit.gpgsign=false', 'commit', '--quiet', '--message', 'Start the sample');
  git('remote', 'add', 'origin', `https://demo:${remotePassword}@git.example.com/sample.git`);
}
