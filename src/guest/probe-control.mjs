// What steers a cage is out of its reach: the sockets of the host, of the egress and of container engines, and the egress
// itself as a process.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { egressAnswers, knock, MARK, request, send } from './probe-kit.mjs';

const SOCKETS = [
  '/var/run/docker.sock',
  '/run/docker.sock',
  '/run/podman/podman.sock',
  '/run/containerd/containerd.sock',
  '/run/crio/crio.sock',
  '/run/dbus/system_bus_socket',
  '/run/systemd/private',
  '/run/systemd/notify',
  '/run/snapd.socket',
  '/tmp/.X11-unix/X0',
  '/egress/control/control.sock',
];
const QUICK = [
  '/var/run/docker.sock',
  '/run/docker.sock',
  '/run/podman/podman.sock',
  '/run/containerd/containerd.sock',
  '/run/dbus/system_bus_socket',
];

export default function controlPlane({ controlSocket, mode }) {
  const names = mode === 'ask' || mode === 'learn' ? [] : ['localhost', 'ironcage', 'ironcage.invalid', 'egress'];
  return [
    ...[...SOCKETS, controlSocket].map((path, index) => ({
      id: index < SOCKETS.length ? `socket${path.replaceAll('/', '-')}` : 'socket-of-the-egress',
      quick: QUICK.includes(path) || index === SOCKETS.length,
      expected: 'no control socket of the host',
      attempt: () => existsSync(path),
      passes: /^false$/,
      control: { attempt: () => existsSync('/etc/resolv.conf'), passes: /^true$/ },
    })),
    {
      id: 'abstract-sockets',
      expected: 'no abstract socket of the host, nor of the egress',
      attempt: () =>
        readFileSync('/proc/net/unix', 'utf8')
          .split('\n')
          .map((line) => line.trim().split(/\s+/)[7] ?? '')
          .filter((path) => /docker|containerd|dbus|X11|systemd|control\.sock/.test(path))
          .join(',') || 'none',
      passes: /^none$/,
      control: { attempt: () => readFileSync('/proc/net/unix', 'utf8').startsWith('Num'), passes: /^true$/ },
    },
    {
      id: 'egress-process',
      quick: true,
      expected: 'the process of the egress is not to be seen',
      attempt: () =>
        readdirSync('/proc')
          .filter((name) => /^\d+$/.test(name))
          .filter((pid) => {
            try {
              return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('dist/backends/packed/egress.js');
            } catch {
              // Ended meanwhile.
              return false;
            }
          })
          .join(',') || 'not seen',
      passes: /^not seen$/,
      control: egressAnswers(),
    },
    ...names.map((name) => ({
      id: `name-${name}`,
      expected: 'no name leads to anything that answers but with a refusal',
      attempt: () => send('proxy', request({ target: `http://${name}${MARK}control`, host: name })),
      passes: /^4\d\d </,
      control: egressAnswers(),
    })),
    ...['/', '/status', '/metrics', '/v1/policy', '/.well-known/ironcage'].map((path) => ({
      id: `proxy${path.replaceAll('/', '-')}`,
      expected: 'the proxy has no pages of its own',
      attempt: () => send('proxy', request({ target: path, host: '127.0.0.1:3128' })),
      passes: /^4\d\d <(malformed|authority)>$/,
      control: egressAnswers(),
    })),
    {
      id: 'proxy-to-itself',
      expected: 'the proxy cannot be made to ask itself',
      attempt: () => send('proxy', request({ target: `http://127.0.0.1:3128${MARK}loop`, host: '127.0.0.1:3128' })),
      passes: /^403 <address>$/,
      control: egressAnswers(),
    },
    {
      id: 'forged-forwarding',
      expected: 'fields that claim another origin change nothing',
      attempt: () =>
        send(
          'plain',
          request({
            target: `${MARK}forged`,
            fields: [
              'X-Forwarded-For: 127.0.0.1',
              'X-Forwarded-Host: localhost',
              'Forwarded: for=127.0.0.1',
              'X-Real-IP: 127.0.0.1',
            ],
          }),
        ),
      passes: /^403 <address>$/,
      control: egressAnswers(),
    },
    ...[2375, 2376, 6443, 10250].map((port) => ({
      id: `engine-port-${port}`,
      expected: 'no port of a container engine answers',
      attempt: () => knock('127.0.0.1', port),
      passes: /^ECONNREFUSED$/,
      control: { attempt: () => knock('127.0.0.1', 3128), passes: /^connected$/ },
    })),
  ];
}
