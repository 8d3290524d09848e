// What is spoken: whatever cannot be judged message by message is cut, and no port leads anywhere by itself.
import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { converse, dial, egressAnswers, knock, MARK, NOBODY, request, send } from './probe-kit.mjs';
import { block, END_HEADERS, frame, headers, http2, reset } from './probe-http2.mjs';

const target = `${MARK}protocol`;
const CUT = /^(closed|4\d\d <(malformed|protocol)>|505 <malformed>|refused before a word: .*)$/;
const HTTP2_REFUSED = /^(no h2 offered|closed|<(malformed|authority|limit)>|(reset|goaway) \d+)/;

/** With an empty line: until one comes, what begins with a capital could still be a request. */
const SSH = 'SSH-2.0-OpenSSH_9.6\r\n\r\n';

const OPENINGS = {
  ssh: SSH,
  smtp: 'EHLO verify\r\n\r\n',
  redis: '*1\r\n$4\r\nPING\r\n',
  postgres: '\0\0\0\x08\x04\xd2\x16\x2f',
  socks4: '\x04\x01\x01\xbb\x01\x01\x01\x01\0',
  socks5: '\x05\x01\0',
  'proxy-protocol': 'PROXY TCP4 1.1.1.1 1.1.1.1 1 80\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'http-0.9': `GET ${target}\r\n\r\n`,
  'http-2-in-clear': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'http-3.0': `GET ${target} HTTP/3.0\r\nHost: ${NOBODY}\r\n\r\n`,
  nonsense: '\x80\x2e\x01\0\x02\0\x15\0',
};

/** gVisor has no such setting, and no such sockets without a capability. */
const pingSockets = {
  id: 'ping-sockets',
  expected: 'no group may open a ping socket',
  attempt: () => readFileSync('/proc/sys/net/ipv4/ping_group_range', 'utf8').trim().replace(/\s+/g, ' '),
  // In a user namespace the kernel shows an empty range by the number of nobody.
  passes: /^(1 0|65534 65534)$/,
};

export default function protocol({ ports, gvisor }) {
  const pseudo = [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':authority', NOBODY],
    [':path', target],
  ];
  const http2Probes = {
    'h2-upper-case-field': [headers([...pseudo, ['X-Upper', '1']])],
    'h2-line-break-in-value': [headers([...pseudo, ['x-break', 'a\r\nhost: evil.invalid']])],
    'h2-nul-in-value': [headers([...pseudo, ['x-nul', 'a\0b']])],
    'h2-connection-field': [headers([...pseudo, ['connection', 'keep-alive']])],
    'h2-transfer-encoding': [headers([...pseudo, ['transfer-encoding', 'chunked']])],
    'h2-pseudo-twice': [headers([...pseudo, [':path', '/other']])],
    'h2-host-twice': [headers([...pseudo, ['host', NOBODY], ['host', 'evil.invalid']])],
    'h2-pseudo-in-trailers': [headers(pseudo, 1, END_HEADERS), headers([[':path', '/other']])],
    'h2-pseudo-late': [headers([...pseudo.slice(0, 3), ['x-first', '1'], [':path', target]])],
    'h2-pseudo-unknown': [headers([...pseudo, [':verify', '1']])],
    'h2-no-path': [headers(pseudo.slice(0, 3))],
    'h2-url-as-path': [headers([...pseudo.slice(0, 3), [':path', 'http://evil.invalid/']])],
    'h2-scheme-http': [headers([pseudo[0], [':scheme', 'http'], ...pseudo.slice(2)])],
    'h2-length-differs': [headers([...pseudo, ['content-length', '5']])],
    'h2-even-stream': [headers(pseudo, 2)],
    'h2-unfinished-block': [frame(1, 1, 1, block(pseudo)), frame(6, 0, 0, Buffer.alloc(8))],
    'h2-continuation-flood': [
      frame(1, 1, 1, block(pseudo)),
      ...Array.from({ length: 3000 }, () => frame(9, 0, 1, block([['x-flood', 'a'.repeat(50)]]))),
    ],
    'h2-other-connect': [
      headers([[':method', 'CONNECT'], [':protocol', 'connect-udp'], ...pseudo.slice(1)], 1, END_HEADERS),
    ],
    'h2-plain-connect': [headers([pseudo[0].with(1, 'CONNECT'), pseudo[2]], 1, END_HEADERS)],
    'h2-table-bomb': [frame(1, 5, 1, Buffer.from([0x3f, 0xff, 0xff, 0xff, 0xff, 0x0f]))],
    'h2-large-frame': [frame(0, 0, 1, Buffer.alloc(20_000))],
    'h2-window-overflow': [frame(8, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff]))],
  };
  return [
    ...Object.entries(OPENINGS).map(([id, bytes]) => ({
      id: `speaks-${id}`,
      quick: id === 'ssh',
      expected: 'cut, or refused as malformed',
      attempt: () => send(id.startsWith('socks') ? 'proxy' : 'plain', bytes),
      passes: CUT,
      control: egressAnswers(),
    })),
    {
      id: 'ssh-where-tls-belongs',
      expected: 'a tunnel to port 443 carries no SSH',
      attempt: () => throughTunnel(SSH),
      passes: CUT,
      control: egressAnswers('tunnel'),
    },
    {
      id: 'nonsense-in-tunnel',
      expected: 'a tunnel carries no bytes that are neither TLS nor HTTP',
      attempt: () => throughTunnel('\0\x01\x02\x03nonsense'),
      passes: CUT,
      control: egressAnswers('tunnel'),
    },
    {
      id: 'tls-to-proxy',
      expected: 'TLS spoken to the proxy itself is cut',
      attempt: () => oldTls({ host: '127.0.0.1', port: 3128 }),
      passes: /^refused/,
      control: egressAnswers('tls'),
    },
    ...['TLSv1', 'TLSv1.1'].map((version) => ({
      id: `old-${version.toLowerCase()}`,
      expected: 'versions of TLS that are out of date are refused',
      attempt: () =>
        oldTls({ host: NOBODY, port: 443, minVersion: version, maxVersion: version, ciphers: 'ALL@SECLEVEL=0' }),
      passes: /^refused/,
      control: egressAnswers('tls'),
    })),
    {
      id: 'tls-server-name-not-a-name',
      expected: 'a server name that is no name is refused',
      attempt: () => send('tls', request({ target }), { servername: 'bad_name..invalid' }),
      passes: CUT,
      control: egressAnswers('tls'),
    },
    {
      id: 'tls-is-the-cages-own',
      quick: true,
      expected: 'TLS to any address ends at the egress, with a certificate of the cage’s own authority',
      attempt: async () => {
        const socket = await dial('tls', { to: '9.9.9.9', servername: 'dns.quad9.net' });
        const { issuer } = socket.getPeerCertificate();
        socket.destroy();
        return issuer?.CN ?? 'nobody';
      },
      passes: /ironcage/i,
    },
    ...[
      [
        'h2c-upgrade',
        ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'],
      ],
      ['h2c-settings-alone', ['HTTP2-Settings: AAMAAABk']],
      ['websocket-among-others', ['Connection: Upgrade', 'Upgrade: websocket, h2c']],
      ['websocket-old-version', handshake('8')],
      ['websocket-no-key', ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']],
    ].map(([id, fields]) => ({
      id,
      expected: 'no upgrade that could carry what is not judged',
      attempt: () => send('plain', request({ target, fields })),
      passes: /^4\d\d <malformed>/,
      control: egressAnswers(),
    })),
    {
      id: 'connect-inside',
      expected: 'CONNECT inside a connection that has its destination is refused',
      attempt: () => send('plain', `CONNECT evil.invalid:443 HTTP/1.1\r\nHost: evil.invalid:443\r\n\r\n`),
      passes: /^4\d\d <(authority|malformed)>/,
      control: egressAnswers(),
    },
    {
      id: 'connect-in-tunnel',
      expected: 'CONNECT inside a tunnel is refused',
      attempt: () => send('tunnel', `CONNECT evil.invalid:443 HTTP/1.1\r\nHost: evil.invalid:443\r\n\r\n`),
      passes: /^4\d\d <(authority|malformed)>/,
      control: egressAnswers('tunnel'),
    },
    ...[22, 25, 2375, 5432, 6379, 8443]
      .filter((port) => !ports.includes(port))
      .map((port) => ({
        id: `port-${port}`,
        quick: port === 22,
        expected: 'a port without a rule refuses at once',
        attempt: () => knock(NOBODY, port),
        passes: /^ECONNREFUSED$/,
        control: { attempt: () => knock(NOBODY, 443), passes: /^connected$/ },
      })),
    {
      id: 'port-of-ssh-by-connect',
      expected: 'CONNECT to another port leads nowhere',
      attempt: () => throughTunnel(SSH, 22),
      passes: CUT,
      control: egressAnswers('tunnel'),
    },
    ...(gvisor === undefined ? [pingSockets] : []),
    {
      id: 'loopback-only',
      quick: true,
      expected: 'lo is the only interface',
      attempt: () =>
        readFileSync('/proc/net/dev', 'utf8')
          .split('\n')
          .slice(2)
          .map((line) => line.trim().split(':')[0])
          .filter(Boolean)
          .join(','),
      passes: /^lo$/,
    },
    {
      id: 'no-gateway',
      quick: true,
      expected: 'no route leads to a device other than lo',
      attempt: () =>
        ['/proc/net/route', '/proc/net/ipv6_route']
          .flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'))
          .map((line) => line.trim().split(/\s+/))
          .map((words) => (words.length === 10 ? words[9] : words[0]))
          .filter((device) => device && device !== 'lo' && device !== 'Iface')
          .join(',') || 'none',
      passes: /^none$/,
    },
    ...Object.entries(http2Probes).map(([id, frames]) => ({
      id,
      expected: 'the stream or the connection ends with an error',
      attempt: () => http2(frames),
      // A value with a line break may also be left out of the request that is then judged.
      passes: id.endsWith('-in-value') ? /^(no h2 offered|<(address|malformed)>|(reset|goaway) \d+)/ : HTTP2_REFUSED,
      control: http2Answers(pseudo),
    })),
    {
      id: 'h2-rapid-reset',
      expected: 'thousands of requests taken back end their connection, and no other',
      attempt: () => {
        const frames = Array.from({ length: 1500 }, (_, index) => 2 * index + 1).flatMap((stream) => [
          headers(pseudo, stream),
          reset(stream),
        ]);
        return http2(frames);
      },
      passes: /^(no h2 offered|closed|goaway \d+)$/,
      control: http2Answers(pseudo),
    },
  ];
}

const http2Answers = (fields) => ({
  ofEgress: true,
  attempt: () => http2([headers(fields)]),
  passes: /^(no h2 offered|<address>)/,
});

function handshake(version) {
  return [
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Version: ${version}`,
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
}

async function throughTunnel(bytes, port = 443) {
  const target443 = `${NOBODY}:${port}`;
  const socket = await dial('proxy');
  const { text, how } = await converse(
    socket,
    `CONNECT ${target443} HTTP/1.1\r\nHost: ${target443}\r\n\r\n${bytes}`,
    () => false,
  );
  const inside = text.replace(/^HTTP\/1\.1 200[^]*?\r\n\r\n/, '');
  if (inside === text && !text.startsWith('HTTP/1.1 4')) return `no tunnel: ${text.slice(0, 60)} ${how}`;
  return /^HTTP\/1\.1 (4\d\d)/.test(inside)
    ? '400 <protocol>'
    : inside === ''
      ? how
      : `answered: ${inside.slice(0, 60)}`;
}

/** Whether a TLS handshake comes about. */
function oldTls(options) {
  return new Promise((resolve) => {
    let socket;
    try {
      socket = tls.connect({ rejectUnauthorized: false, timeout: 4000, ...options });
    } catch (error) {
      resolve(`the probe itself failed: ${error.code}`);
      return;
    }
    socket.on('secureConnect', () => (resolve(`worked: ${socket.getProtocol()}`), socket.destroy()));
    socket.on('timeout', () => (socket.destroy(), resolve('timeout')));
    socket.on('error', (error) => resolve(`refused: ${error.code}`));
    socket.on('close', () => resolve('refused: closed'));
  });
}
