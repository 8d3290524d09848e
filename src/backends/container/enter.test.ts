import { expect, test } from 'vitest';
import type { EnterPlan, EnterRequest } from '../backend.ts';
import { execCommand } from './enter.ts';

const engine = {
  ...{ kind: 'docker' as const, program: '/usr/bin/docker', selectors: ['--host', 'unix:///s'] },
  env: { PATH: '/bin', HOME: '/root' },
};
const plan: EnterPlan = {
  identity: { uid: 7, gid: 8, egressUid: 9, insideUid: 7, insideGid: 8 },
  callerIsRoot: false,
  limits: { memoryBytes: undefined, pids: undefined, cpus: undefined },
  runDirectory: '/r',
  env: { HOME: '/home/agent', API_KEY: 'value', HTTPS_PROXY: 'http://127.0.0.1:8888', DOCKER_HOST: 'tcp://evil' },
};
const cage = { name: 'c', init: { pid: 1, startTicks: '0' } };
const request: EnterRequest = { argv: ['sh', '-c', 'x'], cwd: '/srv/shop', env: { LINES: 'a\nb' }, terminal: false };

test('values are handed over by name, and are on no command line', () => {
  const { args, env } = execCommand(engine, cage, plan, request);
  expect(args.join(' ')).toContain('--env API_KEY --env');
  expect(args.join(' ')).not.toContain('value');
  expect(env).toMatchObject({ API_KEY: 'value', LINES: 'a\nb' });
});

test('what the engine’s own program would read is not in its environment', () => {
  const { args, env } = execCommand(engine, cage, plan, request);
  expect(env).toMatchObject({ PATH: '/bin', HOME: '/root' });
  expect(Object.keys(env)).not.toContain('DOCKER_HOST');
  expect(Object.keys(env)).not.toContain('HTTPS_PROXY');
  expect(args).toContain('DOCKER_HOST=tcp://evil');
});

test('the program comes last, as the cage’s user, in its directory', () => {
  const { program, args } = execCommand(engine, cage, plan, request);
  expect(program).toBe('/usr/bin/docker');
  expect(args.slice(0, 8)).toEqual(['--host', 'unix:///s', 'exec', '-i', '--user', '7:8', '--workdir', '/srv/shop']);
  expect(args.slice(-4)).toEqual(['c', 'sh', '-c', 'x']);
  expect(execCommand(engine, cage, plan, { ...request, terminal: true }).args).toContain('-it');
});
