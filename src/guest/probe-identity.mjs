// Who is talked to? Whatever names a destination, the connection, the server name, the URL, the Host, must be one name in
// one spelling. Each is made to disagree or to be ambiguous; beside it the same request passes as far as its address.
import { egressAnswers, MARK, nameFor, NOBODY, request, send } from './probe-kit.mjs';
import { lookUp } from './probe-dns.mjs';
import { http2, headers } from './probe-http2.mjs';

const REFUSED = /^4\d\d <(authority|malformed)>$/;
const expected = 'refused with a reason before anybody is asked whether it may';
const target = `${MARK}identity`;

/** Hosts that are not exactly one name in one spelling. */
const HOSTS = {
  'nul-in-host': 'good.invalid\0.evil.invalid',
  'space-in-host': 'good.invalid evil.invalid',
  'comma-in-host': 'good.invalid, evil.invalid',
  'user-information': `good.invalid@${NOBODY}`,
  'password-in-host': `user:word@${NOBODY}`,
  'path-in-host': `${NOBODY}/evil.invalid`,
  'question-in-host': `${NOBODY}?.evil.invalid`,
  'fragment-in-host': `${NOBODY}#.evil.invalid`,
  'backslash-in-host': `${NOBODY}\\.evil.invalid`,
  'percent-in-host': 'good%2einvalid',
  'empty-label': 'good..invalid',
  'long-label': `${'a'.repeat(64)}.invalid`,
  'long-name': `${`${'a'.repeat(60)}.`.repeat(5)}invalid`,
  underscore: 'good_name.invalid',
  'control-in-host': 'go\x01od.invalid',
  'false-punycode': 'xn--a-.invalid',
  'empty-host': '',
  'zone-of-address': '[fe80::1%25lo]',
  'unclosed-bracket': '[::1',
  'name-in-brackets': '[good.invalid]',
  'port-zero': `${NOBODY}:0`,
  'port-too-large': `${NOBODY}:65536`,
  'port-with-sign': `${NOBODY}:+80`,
  'two-ports': `${NOBODY}:80:443`,
  'other-port': `${NOBODY}:22`,
};

export default function identity() {
  const first = nameFor('first');
  const second = nameFor('second');
  const at = (name) => lookUp('127.0.0.1', name);
  const hostProbes = Object.entries(HOSTS).map(([id, host]) => ({
    id,
    expected,
    attempt: () => send('plain', request({ target, host })),
    passes: REFUSED,
    control: egressAnswers(),
  }));
  return [
    ...hostProbes,
    {
      id: 'host-of-another-name',
      quick: true,
      expected: 'a Host that is not the name whose address was dialled is refused',
      attempt: async () => send('plain', request({ target, host: second }), { to: await at(first) }),
      passes: REFUSED,
      control: egressAnswers(),
    },
    {
      id: 'two-hosts',
      expected,
      attempt: () => send('plain', request({ target, fields: [`Host: ${second}`] })),
      passes: REFUSED,
      control: egressAnswers(),
    },
    {
      id: 'no-host',
      expected,
      attempt: () => send('plain', request({ target, host: null })),
      passes: REFUSED,
      control: egressAnswers(),
    },
    {
      id: 'server-name-of-another',
      expected: 'a TLS server name that is not the name dialled is refused',
      attempt: async () => send('tls', request({ target, host: second }), { to: await at(first), servername: second }),
      passes: REFUSED,
      control: egressAnswers('tls'),
    },
    {
      id: 'fronting',
      quick: true,
      expected: 'a Host behind TLS that is not the server name is refused',
      attempt: async () => send('tls', request({ target, host: second }), { to: await at(first), servername: first }),
      passes: REFUSED,
      control: egressAnswers('tls'),
    },
    {
      id: 'fronting-in-tunnel',
      expected: 'a Host that is not the target of CONNECT is refused',
      attempt: () => send('tunnel', request({ target, host: second }), { to: first, servername: first }),
      passes: REFUSED,
      control: egressAnswers('tunnel'),
    },
    {
      id: 'server-name-in-tunnel',
      expected: 'a TLS server name that is not the target of CONNECT is refused',
      attempt: () => send('tunnel', request({ target, host: second }), { to: first, servername: second }),
      passes: REFUSED,
      control: egressAnswers('tunnel'),
    },
    {
      id: 'connect-host-differs',
      expected: 'a CONNECT whose Host is not its target is refused',
      attempt: () => send('proxy', `CONNECT ${first}:443 HTTP/1.1\r\nHost: ${second}:443\r\n\r\n`),
      passes: REFUSED,
      control: egressAnswers('tunnel'),
    },
    {
      id: 'url-host-differs',
      expected: 'a URL asked of the proxy whose Host names another is refused',
      attempt: () => send('proxy', request({ target: `http://${first}${target}`, host: second })),
      passes: REFUSED,
      control: proxyAnswers(),
    },
    {
      id: 'url-to-no-proxy',
      expected: 'a whole URL where a path belongs is refused',
      attempt: () => send('plain', request({ target: `http://${second}${target}` })),
      passes: REFUSED,
      control: egressAnswers(),
    },
    {
      id: 'path-to-proxy',
      expected: 'the proxy itself is nobody to ask',
      attempt: () => send('proxy', request({ target, host: '127.0.0.1:3128' })),
      passes: REFUSED,
      control: proxyAnswers(),
    },
    {
      id: 'second-request-elsewhere',
      expected: 'the second request of a connection is judged like the first',
      attempt: async () =>
        send('plain', request({ target }) + request({ target, host: `${NOBODY}:22` }), { to: NOBODY }),
      passes: /^403 <address> \+ 4\d\d <(authority|malformed)>$/,
      control: egressAnswers(),
    },
    ...[
      {
        id: 'h2-authority-differs',
        fields: { ':authority': second },
        wish: 'an :authority that is not the server name is refused',
      },
      {
        id: 'h2-host-differs',
        fields: { ':authority': first, host: second },
        wish: 'a Host that is not the :authority is refused',
      },
      { id: 'h2-no-authority', fields: {}, wish: 'a request without :authority is refused' },
    ].map(({ id, fields, wish }) => ({
      id,
      expected: wish,
      attempt: async () =>
        http2([headers([[':method', 'GET'], [':scheme', 'https'], [':path', target], ...Object.entries(fields)])], {
          to: await at(first),
          servername: first,
        }),
      passes: /^(no h2 offered|<(authority|malformed)>|reset \d+|goaway \d+)/,
      control: egressAnswers('tls'),
    })),
    {
      id: 'h2-second-stream',
      expected: 'each stream of a connection is judged by its own authority',
      attempt: () => {
        const start = [
          [':method', 'GET'],
          [':scheme', 'https'],
          [':path', target],
        ];
        return http2([headers([...start, [':authority', NOBODY]]), headers([...start, [':authority', second]], 3)]);
      },
      passes: /^(no h2 offered|<address>, (<(authority|malformed)>|reset \d+))/,
      control: egressAnswers('tls'),
    },
  ];
}

const proxyAnswers = () => ({
  ofEgress: true,
  attempt: () => send('proxy', request({ target: `http://${NOBODY}${MARK}control` })),
  passes: /^403 <address>/,
});
