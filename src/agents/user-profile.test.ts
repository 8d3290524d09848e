import { expect, test } from 'vitest';
import { parseAgentFile } from '../config/agent-file.ts';
import { profileText } from './profile-text.ts';
import { AGENTS } from './profiles.ts';
import { shell } from './shell.ts';
import { fillArgv, userProfile } from './user-profile.ts';

function asUsers(text: string) {
  const parsed = parseAgentFile(text);
  return parsed.ok ? userProfile('mine', parsed.agent) : expect.fail(JSON.stringify(parsed.problems));
}

test('fills arguments whole, and leaves out what names something that is absent', () => {
  const parts = ['{program}', 'run', ['--model', '{model}'], '--resume={resume}', '{args}'];
  const program = ['/usr/bin/node', '/opt/a b.js'];
  expect(fillArgv(parts, { program, args: ['x; y', '{model}'] })).toEqual([...program, 'run', 'x; y', '{model}']);
  expect(fillArgv(parts, { program, args: [], model: '$(id) {resume}', resume: '1' })).toEqual([
    ...program,
    ...['run', '--model', '$(id) {resume}', '--resume=1'],
  ]);
});

const BUILT_IN = AGENTS.filter((agent) => agent !== shell);

test.each(BUILT_IN)('$name written out and read again starts and works in the same way', (agent) => {
  const mine = asUsers(profileText(agent));
  expect(mine.startArgv(['p'], [])).toEqual(agent.startArgv(['p'], []));
  for (const request of [
    { args: [] },
    { args: ['a', 'b'] },
    { args: [], model: 'm' },
    { args: [], resume: 's' },
    { args: ['a'], model: 'm', resume: 's' },
  ]) {
    expect(mine.headless?.argv(['p'], request)).toEqual(agent.headless?.argv(['p'], request));
  }
  expect(mine.headless).toMatchObject({ canResume: true, hasModels: true });
  expect(mine.headless?.instructionsFile).toBe(agent.headless?.instructionsFile);
  expect(mine.headless?.createReader.name).toBe(agent.headless?.createReader.name);
  expect(mine.env).toEqual(agent.env);
  expect(mine.secrets.map(({ name, hosts, env }) => [name, hosts, env])).toEqual(
    agent.secrets.map(({ name, hosts, env }) => [name, hosts, env]),
  );
  expect(mine.install?.platformPackages['linux-x64']?.integrity).toBe(
    agent.install?.platformPackages['linux-x64']?.integrity,
  );
});

test('a shell written out is an agent to begin with', () => {
  const mine = asUsers(profileText(shell));
  expect(mine.startArgv(['goose'], ['a'])).toEqual(['goose', 'a']);
  expect(mine.headless).toMatchObject({ canResume: false, hasModels: false });
});
