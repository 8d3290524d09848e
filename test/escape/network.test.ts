// There is no network in a cage but loopback, and whatever address is dialled there, the egress answers or nobody does.
import { afterAll, beforeAll } from 'vitest';
import { startTestCage, type TestCage } from '../support/cage.ts';
import { escapeTests, type EscapeCase } from '../support/escape-case.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let cage: TestCage;
let upstream: Upstream;

beforeAll(async () => {
  upstream = await startUpstream('api.test');
  cage = await startTestCage('network', {
    options: { allow: ['api.test'], routes: [upstream.route('api.test')] },
  });
});
afterAll(async () => {
  await cage.remove();
  await upstream.close();
});

/** Prints the status and the rule of a refusal, or the body of an answer. */
const fetch = (...args: readonly string[]): string =>
  `curl -sS -m 20 -g -k -w '\\n%{http_code}' ${args.join(' ')} 2>&1`;
const direct = (...args: readonly string[]): string => fetch(`--noproxy '*'`, ...args);
const REACHED = /"arrived":true/;
const refusedBy = (rule: string): RegExp => new RegExp(`"rule":"<${rule}>"[^]*\\n4\\d\\d$`);
const CONTROL = { on: 'inside', script: fetch('https://api.test/'), shows: REACHED } as const;

const ADDRESSES: readonly (readonly [id: string, what: string, url: string, rule: string])[] = [
  ['ESC-05a', 'a public address', 'http://1.1.1.1/', 'address'],
  ['ESC-05b', 'a public address over TLS', 'https://8.8.8.8/', 'address'],
  ['ESC-05c', 'loopback as one decimal number', 'http://2130706433/', 'address'],
  ['ESC-05d', 'loopback in octal', 'http://0177.0.0.1/', 'address'],
  ['ESC-05e', 'loopback in hexadecimal', 'http://0x7f000001/', 'address'],
  ['ESC-05f', 'an IPv4-mapped address', 'http://[::ffff:1.1.1.1]/', 'address'],
  ['ESC-05g', 'a NAT64 address', 'http://[64:ff9b::1.1.1.1]/', 'address'],
  ['ESC-05h', 'a private address', 'http://192.168.1.1/', 'address'],
  ['ESC-07a', 'the metadata address', 'http://169.254.169.254/latest/meta-data/', 'metadata'],
  ['ESC-07b', 'the metadata address in octal', 'http://0251.0376.0251.0376/', 'metadata'],
  ['ESC-07c', 'the metadata address as one number', 'http://2852039166/', 'metadata'],
  ['ESC-07d', 'the metadata address, IPv4-mapped', 'http://[::ffff:169.254.169.254]/', 'metadata'],
  ['ESC-07e', 'the metadata address of IPv6', 'http://[fd00:ec2::254]/', 'metadata'],
  ['ESC-07f', 'the metadata service by name', 'http://metadata.google.internal/', 'default-deny'],
  ['ESC-11a', 'a public IPv6 address', 'https://[2606:4700:4700::1111]/', 'address'],
];

escapeTests(
  () => cage,
  ADDRESSES.flatMap(([id, what, url, rule]): EscapeCase[] => [
    {
      id,
      attempt: `${what} is refused by the proxy`,
      script: fetch(`'${url}'`),
      fails: refusedBy(rule),
      control: CONTROL,
    },
    {
      id: `${id}, direct`,
      attempt: `${what} is refused when it is dialled without the proxy`,
      script: direct(`'${url}'`),
      fails: refusedBy(rule),
      control: CONTROL,
    },
  ]),
);

/** Connects and says how that ended. */
const dial = (host: string, port: number): string => `
import socket
try:
    socket.create_connection((${JSON.stringify(host)}, ${port}), 10).close()
    print('connected')
except OSError as error:
    print('refused' if isinstance(error, ConnectionRefusedError) else error)
`;
const DIALLED = { on: 'inside', script: dial('api.test', 443), shows: /^connected/ } as const;

/** Sends a datagram and waits for an answer or for the error that comes back at once. */
const datagram = (family: string, host: string, port: number, bytes: string): string => `
import socket
s = socket.socket(socket.${family}, socket.SOCK_DGRAM)
s.settimeout(1)
try:
    s.connect((${JSON.stringify(host)}, ${port}))
    s.send(${bytes})
    print('answered', len(s.recv(512)))
except ConnectionRefusedError:
    print('refused')
except OSError as error:
    print('no answer', error)
`;
/** Asks for the A record of `test`. */
const DNS_QUERY = String.raw`b'\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04test\x00\x00\x01\x00\x01'`;
const ANSWERED = {
  on: 'inside',
  script: datagram('AF_INET', '127.0.0.1', 53, DNS_QUERY),
  shows: /^answered/,
} as const;

/** Opens a socket of a kind and says what came of it. */
const open = (family: string, type: string, protocol: number | string): string => `
import socket
try:
    socket.socket(${family}, ${type}, ${protocol}).close()
    print('opened')
except OSError as error:
    print('refused', error.errno)
`;
const OPENED = {
  on: 'inside',
  script: open('socket.AF_INET', 'socket.SOCK_STREAM', 0),
  shows: /^opened/,
} as const;

escapeTests(
  () => cage,
  [
    {
      id: 'ESC-NET-1',
      attempt: 'there is no interface but loopback',
      script: `ip -o link | awk '{print $2}'`,
      fails: /^lo:$/,
      control: { on: 'host', shows: /lo:/ },
    },
    {
      id: 'ESC-NET-2',
      attempt: 'no route leads to a device other than loopback',
      script: `ip route show table all; ip -6 route show table all`,
      fails: /^(?:(?:(?!\bvia\b|\bdev (?!lo\b)).)*\n?)+$/,
      control: { on: 'inside', shows: /local (?:default|0\.0\.0\.0\/0) dev lo/ },
    },
    {
      id: 'ESC-52',
      attempt: 'interfaces, addresses and routes cannot be changed',
      script: `for change in 'link add type dummy' 'link set lo down' 'addr add 10.0.0.2/24 dev lo' 'route add default dev lo' 'netns add x'; do
        ip $change >/dev/null 2>&1 && echo "changed: $change"; done; echo tried`,
      fails: /^tried$/,
      control: { on: 'inside', script: 'ip link show lo', shows: /LOOPBACK,UP/ },
    },
    {
      id: 'ESC-09a',
      attempt: 'a port without a rule refuses at once',
      script: dial('api.test', 22),
      language: 'python',
      fails: /^refused$/,
      control: DIALLED,
    },
    {
      id: 'ESC-09b',
      attempt: 'CONNECT to the port of SSH at an allowed host is refused',
      script: fetch('-p', '-x http://127.0.0.1:3128', 'http://api.test:22/'),
      fails: refusedBy('default-deny'),
      control: { on: 'inside', script: fetch('-p', '-x http://127.0.0.1:3128', 'https://api.test/'), shows: REACHED },
    },
    {
      id: 'ESC-09c',
      attempt: 'plain HTTP to a host that is allowed for TLS is refused',
      script: fetch('http://api.test/'),
      fails: refusedBy('default-deny'),
      control: CONTROL,
    },
    {
      id: 'ESC-11b',
      attempt: 'a port of an IPv6 address refuses',
      script: dial('2606:4700:4700::1111', 8080),
      language: 'python',
      fails: /^refused$/,
      control: DIALLED,
    },
    {
      id: 'ESC-12a',
      attempt: 'a QUIC packet finds nobody',
      script: datagram('AF_INET', '1.1.1.1', 443, String.raw`b'\xc0\x00\x00\x00\x01' + bytes(1195)`),
      language: 'python',
      fails: /^(?:refused|no answer)/,
      control: ANSWERED,
    },
    {
      id: 'ESC-12b',
      attempt: 'a datagram to a time server finds nobody',
      script: datagram('AF_INET', '162.159.200.1', 123, String.raw`b'\x1b' + bytes(47)`),
      language: 'python',
      fails: /^(?:refused|no answer)/,
      control: ANSWERED,
    },
    {
      id: 'ESC-12c',
      attempt: 'multicast finds nobody',
      script: datagram('AF_INET', '224.0.0.251', 5353, DNS_QUERY),
      language: 'python',
      fails: /^(?:refused|no answer)/,
      control: ANSWERED,
    },
    ...(
      [
        ['ESC-13a', 'an ICMP socket', 'socket.AF_INET', 'socket.SOCK_RAW', 'socket.IPPROTO_ICMP'],
        ['ESC-13b', 'a ping socket', 'socket.AF_INET', 'socket.SOCK_DGRAM', 'socket.IPPROTO_ICMP'],
        ['ESC-13c', 'a ping socket of IPv6', 'socket.AF_INET6', 'socket.SOCK_DGRAM', 'socket.IPPROTO_ICMPV6'],
        ['ESC-52a', 'a raw IP socket', 'socket.AF_INET', 'socket.SOCK_RAW', 255],
        ['ESC-52b', 'a raw IPv6 socket that is closed on exec', 'socket.AF_INET6', '3 | 0x80000', 255],
        ['ESC-55a', 'a packet socket', '17', 'socket.SOCK_RAW', 0],
        ['ESC-55b', 'a packet socket by its old name', 'socket.AF_INET', '10', 0],
        ['ESC-55c', 'a socket of the kernel’s ciphers', '38', '5', 0],
        ['ESC-55d', 'a socket to the hypervisor', '40', 'socket.SOCK_STREAM', 0],
        ['ESC-55e', 'a socket of the packet filter', 'socket.AF_NETLINK', 'socket.SOCK_RAW', 12],
        ['ESC-55f', 'a Bluetooth socket', '31', 'socket.SOCK_RAW', 1],
        ['ESC-55g', 'an XDP socket', '44', 'socket.SOCK_RAW', 0],
      ] as const
    ).map(([id, what, family, type, protocol]): EscapeCase => ({
      id,
      attempt: `${what} cannot be opened`,
      script: open(family, type, protocol),
      language: 'python',
      fails: /^refused (?:1|13|22|93|94|97)$/,
      control: OPENED,
    })),
    {
      id: 'ESC-17a',
      attempt: 'a client without any environment is refused like all others',
      script: `env -i /usr/bin/curl -sS -m 20 -w '\\n%{http_code}' https://never.test/`,
      fails: refusedBy('default-deny'),
      control: { on: 'inside', script: 'env -i /usr/bin/curl -sS -m 20 https://api.test/', shows: REACHED },
    },
    {
      id: 'ESC-17b',
      attempt: 'NO_PROXY=* does not lead around the egress',
      script: `NO_PROXY='*' no_proxy='*' ${fetch('https://never.test/')}`,
      fails: refusedBy('default-deny'),
      control: { on: 'inside', script: `NO_PROXY='*' no_proxy='*' ${fetch('https://api.test/')}`, shows: REACHED },
    },
    {
      id: 'ESC-53',
      attempt: 'the host’s own loopback services are not on this loopback',
      script: dial('127.0.0.1', 22),
      language: 'python',
      fails: /^refused$/,
      control: { on: 'inside', script: dial('127.0.0.1', 3128), shows: /^connected/ },
    },
  ],
);
