// Bare addresses, in every spelling: none is dialled, and what belongs to the machine or to the cloud around it least of all.
import { egressAnswers, MARK, nameFor, request, send } from './probe-kit.mjs';

const ADDRESSES = {
  public: ['1.1.1.1', 'address'],
  'public-over-ipv6': ['[2606:4700:4700::1111]', 'address'],
  loopback: ['127.0.0.1', 'address'],
  'loopback-of-ipv6': ['[::1]', 'address'],
  'loopback-decimal': ['2130706433', 'authority'],
  'loopback-octal': ['0177.0.0.1', 'authority'],
  'loopback-hexadecimal': ['0x7f.0.0.1', 'authority'],
  'loopback-one-hexadecimal': ['0x7f000001', 'authority'],
  'loopback-short': ['127.1', 'authority'],
  'loopback-mapped': ['[::ffff:127.0.0.1]', 'address'],
  'loopback-nat64': ['[64:ff9b::7f00:1]', 'address'],
  'loopback-6to4': ['[2002:7f00:1::]', 'address'],
  unspecified: ['0.0.0.0', 'address'],
  'unspecified-of-ipv6': ['[::]', 'address'],
  'private-10': ['10.0.0.1', 'address'],
  'private-172': ['172.16.0.1', 'address'],
  'private-192': ['192.168.1.1', 'address'],
  'carrier-grade': ['100.64.0.1', 'address'],
  'link-local': ['169.254.1.1', 'address'],
  'link-local-of-ipv6': ['[fe80::1]', 'address'],
  'unique-local': ['[fd12:3456::1]', 'address'],
  multicast: ['224.0.0.251', 'address'],
  broadcast: ['255.255.255.255', 'address'],
  synthetic: ['198.18.0.1', 'address'],
  metadata: ['169.254.169.254', 'metadata'],
  'metadata-decimal': ['2852039166', 'authority'],
  'metadata-octal': ['0251.0376.0251.0376', 'authority'],
  'metadata-mapped': ['[::ffff:169.254.169.254]', 'metadata'],
  'metadata-of-ipv6': ['[fd00:ec2::254]', 'metadata'],
  'metadata-of-tasks': ['169.254.170.2', 'metadata'],
};
const QUICK = ['public', 'metadata', 'loopback'];

export default function address({ mode, rules }) {
  const probes = Object.entries(ADDRESSES)
    .filter(([, [host]]) => !rules.includes(host.replace(/^\[|\]$/g, '')))
    .map(([id, [host, because]]) => ({
      id,
      quick: QUICK.includes(id),
      expected: 'refused with a reason by the proxy, whatever the spelling',
      attempt: () => send('proxy', request({ target: `http://${host}${MARK}address`, host })),
      passes:
        because === 'authority'
          ? /^4\d\d <(authority|address|malformed)>$/
          : new RegExp(`^403 <(${because}|metadata)>$`),
      control: egressAnswers(),
    }));
  const direct = ['1.1.1.1', '10.0.0.1', '169.254.169.254'].map((host) => ({
    id: `direct-${host}`,
    expected: 'refused with a reason when it is dialled without the proxy',
    attempt: () => send('plain', request({ target: `${MARK}address`, host }), { to: host }),
    passes: /^403 <(address|metadata)>$/,
    control: egressAnswers(),
  }));
  // Where unknown names are asked for or learned, their refusal is not to be expected.
  const named = mode === 'ask' || mode === 'learn' ? [] : ['metadata.google.internal', nameFor('127.0.0.1.nip')];
  return [
    ...probes,
    ...direct,
    ...named.map((host) => ({
      id: `by-name-${host}`,
      expected: 'a name that stands for such an address is refused like any unknown name',
      attempt: () => send('proxy', request({ target: `http://${host}${MARK}address`, host })),
      passes: /^403 <(default-deny|none)>$/,
      control: egressAnswers(),
    })),
  ];
}
