import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { openContext } from '../index.ts';
import { refuseTakenPorts } from './host-listeners.ts';
import { formatPort, type PublishedPort } from './published-port.ts';
import { mergePorts, parsePorts, withoutPorts } from './wanted-ports.ts';

const told: string[] = [];
const context = openContext({
  home: '/nowhere',
  environment: {},
  cwd: '/',
  progress: (line) => told.push(line),
});

function having(...texts: string[]): PublishedPort[] {
  return parsePorts(texts).map(({ address, port, cagePort }) => ({ address, port: Number(port), cagePort }));
}

test.each([[['3000', '3000']], [['3000:1', '3000:2']], [['0.0.0.0:3000', '3000']]])(
  '%j are two for one port of the machine, and refused',
  (texts) => {
    expect(() => parsePorts(texts)).toThrow(expect.objectContaining({ code: 'E_USAGE' }));
  },
);

test.each([
  ['a new one is added', ['3000'], ['3001'], ['127.0.0.1:3000:3000', '127.0.0.1:3001:3001'], []],
  ['the same one is no change', ['3000'], ['3000'], ['127.0.0.1:3000:3000'], []],
  [
    'another for the same port of the machine takes its place',
    ['3000', '1:2'],
    ['3000:4000'],
    ['127.0.0.1:1:2', '127.0.0.1:3000:4000'],
    ['127.0.0.1:3000:3000 gives way to 127.0.0.1:3000:4000'],
  ],
  [
    'one for every address takes the place of that for one, and is told loudly',
    ['3000'],
    ['0.0.0.0:3000'],
    ['0.0.0.0:3000:3000'],
    [
      '127.0.0.1:3000:3000 gives way to 0.0.0.0:3000:3000',
      'warning: whoever can reach 0.0.0.0:3000 from the network reaches port 3000 of the cage',
    ],
  ],
  ['any port is the one there is', ['8080:3000'], ['0:3000'], ['127.0.0.1:8080:3000'], []],
])('%s', async (_what, before, wanted, after, lines) => {
  told.length = 0;
  expect((await mergePorts(context, having(...before), parsePorts(wanted))).map(formatPort)).toEqual(after);
  expect(told).toEqual(lines);
});

test('any port is one that is free, and a number from then on', async () => {
  const [port] = await mergePorts(context, [], parsePorts(['0:3000']));
  expect(port).toMatchObject({ address: '127.0.0.1', cagePort: 3000 });
  expect(port?.port).toBeGreaterThan(1023);
});

test.each([
  ['the port of the machine is enough', ['8080:3000', '1:2'], ['8080'], ['127.0.0.1:1:2']],
  ['it means every address', ['8080', '[::1]:8080'], ['8080'], []],
  ['unless one is said', ['8080', '[::1]:8080'], ['[::1]:8080'], ['127.0.0.1:8080:8080']],
  ['what is said of the inside must fit as well', ['8080:3000'], ['127.0.0.1:8080:3000'], []],
])('of what is taken back %s', (_what, before, named, after) => {
  expect(withoutPorts('shop', having(...before), named).map(formatPort)).toEqual(after);
});

test.each(['3000', '8080:3001', '127.0.0.2:8080', '0'])(
  '%s, which is not published, is an error that says what is',
  (text) => {
    expect(() => withoutPorts('shop', having('8080:3000'), [text])).toThrow(
      expect.objectContaining({ code: 'E_USAGE', because: 'it publishes 127.0.0.1:8080:3000' }),
    );
  },
);

test('a port that another program has, or an address that the machine has not, is an error that says so', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const end = server.address();
  const port = typeof end === 'object' && end !== null ? end.port : 0;
  try {
    await expect(refuseTakenPorts(context, having(`${port}:3000`))).rejects.toMatchObject({
      code: 'E_PORT',
      message: `127.0.0.1:${port} of this machine is taken`,
      because: expect.stringContaining('ss -ltnp'),
      hint: expect.stringContaining(`ironcage ports CAGE rm ${port}`),
    });
  } finally {
    await new Promise((closed) => server.close(closed));
  }
  await refuseTakenPorts(context, having(`${port}:3000`));
  await expect(refuseTakenPorts(context, having('192.0.2.77:8080'))).rejects.toMatchObject({
    code: 'E_PORT',
    message: '192.0.2.77 is no address of this machine',
  });
});
