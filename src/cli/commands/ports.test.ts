import { expect, test } from 'vitest';
import { runCli } from '../../../test/support/cli-host.ts';

test.each([
  [[], ['showPorts', 'shop-1']],
  [['shop'], ['showPorts', 'shop']],
  [
    ['add', '3000', '8080:80'],
    ['publishPorts', 'shop-1', ['3000', '8080:80']],
  ],
  [
    ['shop', 'add', '3000'],
    ['publishPorts', 'shop', ['3000']],
  ],
  [
    ['add', 'add', '3000'],
    ['publishPorts', 'add', ['3000']],
  ],
  [
    ['rm', '3000'],
    ['unpublishPorts', 'shop-1', ['3000']],
  ],
  [
    ['shop', 'rm', '3000', '3001'],
    ['unpublishPorts', 'shop', ['3000', '3001']],
  ],
])('`ports %s` asks for it', async (words, call) => {
  const { calls, exitCode } = await runCli(['ports', ...words]);
  expect(calls).toEqual([call]);
  expect(exitCode).toBe(0);
});

test.each([[['add']], [['shop', 'rm']], [['shop', '3000']], [['shop', 'publish', '3000']]])(
  '`ports %s` is refused and nothing is asked',
  async (words) => {
    const { calls, exitCode, stderr } = await runCli(['ports', ...words]);
    expect(calls).toEqual([]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/try: ironcage ports .*add/);
  },
);

test('each port says where it answers, what it leads to, and whether it does now', async () => {
  expect((await runCli(['ports'])).stdout).toBe('127.0.0.1:8080  port 3000 of the cage  open\n');
  const ports = [{ address: '::1', port: 1024, cagePort: 80, open: false }];
  const stopped = await runCli(['ports'], {
    library: { showPorts: async () => ({ cage: 'shop-1', running: false, ports }) },
  });
  expect(stopped.stdout).toBe('[::1]:1024  port 80 of the cage  when it runs\n');
  const json = await runCli(['ports', '--json']);
  expect(JSON.parse(json.stdout)).toEqual({
    cage: 'shop-1',
    running: true,
    ports: [{ address: '127.0.0.1', port: 8080, cagePort: 3000, open: true }],
  });
});
