import { expect, test } from 'vitest';
import { gemini } from './gemini.ts';

test.each([
  { args: [], argv: ['gemini', '--yolo'] },
  { args: ['-p', 'hi'], argv: ['gemini', '--yolo', '-p', 'hi'] },
  { args: ['--approval-mode=plan'], argv: ['gemini', '--approval-mode=plan'] },
  { args: ['-y'], argv: ['gemini', '-y'] },
  { args: ['mcp', 'list'], argv: ['gemini', 'mcp', 'list'] },
  { args: ['--version'], argv: ['gemini', '--version'] },
])('gemini $args starts as $argv', ({ args, argv }) => {
  expect(gemini.startArgv(['gemini'], args)).toEqual(argv);
});

test('works unattended with its events as JSON, and takes a model and a session to go on with', () => {
  const stream = ['gemini', '--output-format', 'stream-json'];
  expect(gemini.headless?.argv(['gemini'], { args: [] })).toEqual([...stream, '--yolo']);
  const request = { model: 'gemini-2.5-flash', resume: '5adf6a77', args: ['--approval-mode', 'plan'] };
  expect(gemini.headless?.argv(['gemini'], request)).toEqual([
    ...[...stream, '--model=gemini-2.5-flash', '--resume=5adf6a77', '--approval-mode', 'plan'],
  ]);
});

test('a fresh home asks nothing and reports nothing', () => {
  const [file] = gemini.homeFiles({ project: '/p', placeholders: {} });
  expect(JSON.parse(file?.content ?? '')).toMatchObject({
    general: { enableAutoUpdate: false },
    privacy: { usageStatisticsEnabled: false },
    telemetry: { enabled: false },
    security: { auth: { selectedType: 'gemini-api-key' }, folderTrust: { enabled: false } },
  });
});

test('is a script of Node’s, with its whole package', () => {
  for (const platform of Object.values(gemini.install?.platformPackages ?? {})) {
    expect(platform).toMatchObject({ interpreter: 'node', companions: '.' });
  }
});
