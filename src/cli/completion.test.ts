import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { runCli } from '../../test/support/cli-host.ts';
import { COMMANDS, loadAllCommands } from './commands.ts';
import { completionModel } from './completion-model.ts';

const model = completionModel(await loadAllCommands());

test.each(['bash', 'zsh', 'fish'])('the %s script offers every command and every option', async (shell) => {
  const { stdout, exitCode } = await runCli(['completion', shell]);
  expect(exitCode).toBe(0);
  for (const name of COMMANDS.keys()) expect(stdout).toContain(name);
  for (const place of model.places) {
    if (place.path !== '') expect(stdout).toContain(`'${place.path}`);
    for (const option of place.options) {
      expect(stdout).toContain(shell === 'fish' ? `-l ${option.name}` : `--${option.name}`);
    }
  }
});

/** What bash would offer behind these words; the last one is being typed. */
async function offered(...words: string[]): Promise<string[]> {
  const { stdout } = await runCli(['completion', 'bash']);
  const script = `${stdout}
COMP_WORDS=(ironcage "$@"); COMP_CWORD=$#
_ironcage
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout: reply, status } = spawnSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' });
  expect(status).toBe(0);
  return reply.trim().split('\n');
}

test.each([
  [['ru'], ['run', 'runs']],
  [['policy', 'al'], ['allow']],
  [['policy', 'allow', '--ca'], ['--cage']],
  [
    ['--json', 'ex'],
    ['exists', 'exec', 'export'],
  ],
  [
    ['run', 'claude', '--net', ''],
    ['filtered', 'ask', 'learn', 'open', 'none'],
  ],
  [
    ['run', 'claude', '--workspace', 'm'],
    ['mount', 'mount-ro'],
  ],
  [['run', 'claude', '--ssh', ''], ['none']],
  [['run', 'claude', '--dockerf'], ['--dockerfile']],
  [['run', 'claude', '--add-d'], ['--add-dir']],
  [['create', '--ne'], ['--net']],
  [['run', 'claude', '--', '--n'], ['']],
  [['apply', '--sk'], ['--skip-host-executable']],
])('bash completes %j to %j', async (words, expected) => {
  expect((await offered(...words)).sort()).toEqual(expected.sort());
});

test.each([
  [['rewind', ''], 'snapshot --list'],
  [['rewind', 'shop', ''], 'snapshot shop --list'],
  [['snapshot', '--rm', ''], 'snapshot --list'],
  [['fork', 'shop', 'new', '--from', ''], 'snapshot shop --list'],
])('bash asks for the names of snapshots behind %j', async (words, asked) => {
  const { stdout } = await runCli(['completion', 'bash']);
  const script = `${stdout}
ironcage() { [[ "$*" == "${asked}" ]] && printf 'NAME   TAKEN\\nfirst  1\\nsecond 2\\n'; }
COMP_WORDS=(ironcage "$@"); COMP_CWORD=$#
_ironcage
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout: reply } = spawnSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' });
  expect(reply.split('\n')).toEqual(expect.arrayContaining(['first', 'second']));
});
