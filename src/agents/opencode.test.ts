import { expect, test } from 'vitest';
import { opencode } from './opencode.ts';

test('works unattended with its events as JSON, and takes a model and a session to go on with', () => {
  const run = ['opencode', 'run', '--format', 'json', '--thinking', '--auto'];
  expect(opencode.headless?.argv(['opencode'], { args: [] })).toEqual(run);
  const request = { model: 'openai/gpt-5.5', resume: 'ses_1', args: ['--agent', 'plan'] };
  expect(opencode.headless?.argv(['opencode'], request)).toEqual([
    ...[...run, '--model=openai/gpt-5.5', '--session=ses_1', '--agent', 'plan'],
  ]);
});

test('may talk to the two vendors whose keys it takes, and asks nothing', () => {
  expect(opencode.secrets.map(({ name }) => name)).toEqual(['ANTHROPIC_API_KEY', 'OPENAI_API_KEY']);
  expect(opencode.bundles).toEqual(['anthropic', 'openai']);
  const [file] = opencode.homeFiles({ project: '/p', placeholders: {} });
  expect(JSON.parse(file?.content ?? '')).toMatchObject({ autoupdate: false, share: 'disabled', permission: 'allow' });
});
