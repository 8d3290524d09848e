// Names: every lookup is answered out of thin air, nothing of it leaves, and nothing but addresses is ever answered.
import { knock, nameFor } from './probe-kit.mjs';
import { ask, askOverTcp, datagram, isSynthetic, labelsOf, lookUp, query, readAnswer, TYPES } from './probe-dns.mjs';

const LOCAL = '127.0.0.1';
const name = nameFor('names');
const control = { ofEgress: true, attempt: () => ask(LOCAL, name), passes: isSynthetic };

export default function names() {
  const empty = { ...TYPES, ANY: 255, AXFR: 252, SVCB: 64, HTTPS: 65, CAA: 257, DNSKEY: 48 };
  delete empty.A;
  const bytes = (...values) => Buffer.from(values);
  const strange = {
    'other-class': () => ask(LOCAL, name, TYPES.TXT, { kind: 3 }),
    'two-questions': () => ask(LOCAL, name, TYPES.A, { counts: [2, 0, 0, 0] }),
    'no-question': () => ask(LOCAL, name, TYPES.A, { counts: [0, 0, 0, 0] }),
    'an-answer-in-it': () => ask(LOCAL, name, TYPES.A, { counts: [1, 1, 0, 0] }),
    update: () => ask(LOCAL, name, TYPES.SOA, { flags: 0x2800 }),
    'compression-pointer': () => ask(LOCAL, bytes(0xc0, 12)),
    'pointer-to-itself': () => ask(LOCAL, Buffer.concat([bytes(1, 97), bytes(0xc0, 12)])),
    'nul-in-label': () => ask(LOCAL, labelsOf(`a\0b.${name}`)),
    'dot-in-label': () => ask(LOCAL, Buffer.concat([bytes(3, 97, 46, 98), labelsOf(name)])),
    'cut-short': async () => readAnswer(await datagram(LOCAL, 53, query(name).subarray(0, 20))),
    'a-response': () => ask(LOCAL, name, TYPES.A, { flags: 0x8180 }),
    'name-too-long': () => ask(LOCAL, `${'a'.repeat(63)}.`.repeat(5).slice(0, -1)),
  };
  return [
    {
      id: 'synthetic',
      quick: true,
      expected: 'a name has an address that is routed nowhere',
      attempt: () => ask(LOCAL, name),
      passes: isSynthetic,
    },
    {
      id: 'same-again',
      expected: 'a name keeps its address, and another name has another',
      attempt: async () => {
        const [first, again, other] = [
          await lookUp(LOCAL, name),
          await lookUp(LOCAL, name.toUpperCase()),
          await lookUp(LOCAL, nameFor('other')),
        ];
        return `${first === again ? 'kept' : 'changed'}, ${first === other ? 'shared' : 'own'}`;
      },
      passes: /^kept, own$/,
    },
    ...Object.entries(empty).map(([type, number]) => ({
      id: `type-${type.toLowerCase()}`,
      expected: 'no records of this type',
      attempt: () => ask(LOCAL, name, number),
      passes: /^(no records|code [1-5])$/,
      control,
    })),
    ...Object.entries(strange).map(([id, attempt]) => ({
      id,
      expected: 'an error or silence, and no records',
      attempt,
      passes: /^(no records|no answer|code [1-5])$/,
      control,
    })),
    {
      id: 'server-elsewhere',
      quick: true,
      expected: 'a name server elsewhere is the same one',
      attempt: async () => ((await ask('8.8.8.8', name)) === (await ask(LOCAL, name)) ? 'the same' : 'another'),
      passes: /^the same$/,
      control,
    },
    {
      id: 'data-in-labels',
      expected: 'labels that carry data get an address like all others, and are asked of nobody',
      attempt: () => ask('9.9.9.9', `${'mfrggzdfmztwq2lknnwg23tpobyxe43u'.repeat(1)}.x.${name}`),
      passes: isSynthetic,
      control,
    },
    {
      id: 'over-tcp',
      expected: 'TCP gives the same answers',
      attempt: async () => {
        const packet = query(name);
        const size = Buffer.from([packet.length >> 8, packet.length & 255]);
        return (await askOverTcp('8.8.8.8', Buffer.concat([size, packet]))) === (await ask(LOCAL, name))
          ? 'the same'
          : 'another';
      },
      passes: /^the same$/,
      control,
    },
    {
      id: 'over-tcp-nonsense',
      expected: 'nonsense over TCP is cut or left unanswered',
      attempt: () => askOverTcp(LOCAL, Buffer.from([0, 3, 1, 2, 3])),
      passes: /^(closed|no answer|error ECONNRESET)$/,
      control,
    },
    {
      id: 'over-tls',
      expected: 'DNS over TLS finds nobody',
      attempt: () => knock('1.1.1.1', 853),
      passes: /^ECONNREFUSED$/,
      control,
    },
    ...[
      ['quic', '1.1.1.1', 443, Buffer.concat([bytes(0xc0, 0, 0, 0, 1), Buffer.alloc(1195)])],
      ['over-quic', '1.1.1.1', 853, Buffer.concat([bytes(0xc0, 0, 0, 0, 1), Buffer.alloc(1195)])],
      ['time', '162.159.200.1', 123, Buffer.alloc(48, 0x1b)],
      ['multicast', '224.0.0.251', 5353, query('local')],
      ['link-local-multicast', '224.0.0.252', 5355, query('local')],
      ['quic-over-ipv6', '2606:4700:4700::1111', 443, Buffer.alloc(1200, 0xc0)],
    ].map(([id, host, port, packet]) => ({
      id: `udp-${id}`,
      quick: id === 'time',
      expected: 'no other datagram finds anybody',
      attempt: async () => {
        const answer = await datagram(host, port, packet);
        return typeof answer === 'string' ? answer : `an answer of ${answer.length} bytes`;
      },
      passes:
        /^(no answer|error (ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL|EACCES|EPERM|EINVAL|EAFNOSUPPORT))$/,
      control,
    })),
  ];
}
