// Runs inside a cage, comes in on standard input, and tries what must be impossible there; beside each try stands what
// must be possible, so that a dead network or a missing file is no pass. Prints one JSON object per line.
import dgram from 'node:dgram';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import tls from 'node:tls';

const facts = JSON.parse(process.env.IRONCAGE_PROBE ?? '{}');
const TIMEOUT_MS = 4000;

const report = (id, group, ok, expected, observed) =>
  process.stdout.write(`${JSON.stringify({ id, group, ok, expected, observed: String(observed).slice(0, 300) })}\n`);

async function probe(id, group, expected, observe, isOk) {
  try {
    const observed = await observe();
    report(id, group, isOk(observed), expected, observed);
  } catch (error) {
    report(id, group, false, expected, `the probe itself failed: ${error.message}`);
  }
}

const outcomeOf = (work) => {
  try {
    return `worked: ${work()}`;
  } catch (error) {
    return `refused: ${error.code ?? error.message}`;
  }
};
const refused = (text) => text.startsWith('refused:');
const worked = (text) => text.startsWith('worked:');

/** A plain HTTP request to an address, whatever name is asked for; the answer's status and the rule that refused it. */
const ask = (address, port, host, path = '/') =>
  new Promise((resolve) => {
    const request = http.request(
      { host: address, port, path, headers: { host }, agent: false, timeout: TIMEOUT_MS },
      (answer) => {
        let text = '';
        answer.on('data', (chunk) => (text += chunk));
        answer.on('end', () => {
          let rule;
          try {
            ({ rule } = JSON.parse(text));
          } catch {
            rule = 'no refusal';
          }
          resolve(`${answer.statusCode} ${rule}`);
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', (error) => resolve(`error ${error.code ?? error.message}`));
    request.end();
  });
const explained = (text) => /^4\d\d </.test(text);

const connect = (host, port) =>
  new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: TIMEOUT_MS });
    socket.on('connect', () => (socket.destroy(), resolve('connected')));
    socket.on('timeout', () => (socket.destroy(), resolve('timeout')));
    socket.on('error', (error) => resolve(`error ${error.code}`));
  });

/** Asks a name server for an A record and returns the address it gives. */
const lookUp = (server, name) =>
  new Promise((resolve) => {
    const socket = dgram.createSocket(server.includes(':') ? 'udp6' : 'udp4');
    const labels = Buffer.concat([
      ...name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
      Buffer.from([0]),
    ]);
    const query = Buffer.concat([
      Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
      labels,
      Buffer.from([0, 1, 0, 1]),
    ]);
    const done = (text) => (clearTimeout(timer), socket.close(), resolve(text));
    const timer = setTimeout(() => done('no answer'), 1500);
    socket.on('message', (message) =>
      done(message.length >= 16 + labels.length ? [...message.subarray(-4)].join('.') : 'empty answer'),
    );
    socket.on('error', (error) => done(`error ${error.code}`));
    socket.send(query, 53, server);
  });
const synthetic = (text) => /^198\.1[89]\./.test(text);

/** Whose certificate a TLS handshake with this address shows. */
const issuer = (host, port, servername) =>
  new Promise((resolve) => {
    const socket = tls.connect({ host, port, servername, rejectUnauthorized: false, timeout: TIMEOUT_MS });
    socket.on('secureConnect', () => (resolve(socket.getPeerCertificate().issuer?.CN ?? 'nobody'), socket.destroy()));
    socket.on('timeout', () => (socket.destroy(), resolve('timeout')));
    socket.on('error', (error) => resolve(`error ${error.code ?? error.message}`));
  });

const status = () =>
  Object.fromEntries(
    readFileSync('/proc/self/status', 'utf8')
      .split('\n')
      .map((line) => line.split(':\t')),
  );
const tryCommand = (program, ...args) =>
  outcomeOf(() =>
    execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 8000 })
      .toString()
      .trim()
      .slice(0, 80),
  );

// The network.
await probe(
  'net.egress-answers',
  'network',
  'control: the egress refuses a name nobody allowed, with its reason',
  () => ask('never-allowed.invalid', 80, 'never-allowed.invalid'),
  explained,
);
await probe(
  'net.loopback-only',
  'network',
  'lo is the only interface',
  () =>
    readFileSync('/proc/net/dev', 'utf8')
      .split('\n')
      .slice(2)
      .map((line) => line.trim().split(':')[0])
      .filter(Boolean)
      .join(','),
  (seen) => seen === 'lo',
);
await probe(
  'net.no-gateway',
  'network',
  'no route leads to a device other than lo',
  () =>
    readFileSync('/proc/net/route', 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t')[0])
      .filter((device) => device !== 'lo')
      .join(',') || 'none',
  (seen) => seen === 'none',
);
await probe(
  'net.metadata',
  'network',
  'the cloud metadata address is refused with a reason',
  () => ask('169.254.169.254', 80, '169.254.169.254', '/latest/meta-data/'),
  explained,
);
await probe(
  'net.bare-address',
  'network',
  'a bare public address is refused with a reason',
  () => ask('1.1.1.1', 80, '1.1.1.1'),
  explained,
);
await probe(
  'net.host-mismatch',
  'network',
  'a forged Host header is refused with a reason',
  () => ask('never-allowed.invalid', 80, facts.allowedHost ?? 'other.invalid'),
  explained,
);
await probe(
  'net.tls-is-ours',
  'network',
  'TLS to any address ends at the egress',
  () => issuer('9.9.9.9', 443, 'dns.quad9.net'),
  (seen) => /ironcage/i.test(seen),
);
await probe(
  'net.ssh-port',
  'network',
  'a port without a rule refuses at once',
  () => connect('192.0.2.7', 22),
  (seen) => seen === 'error ECONNREFUSED',
);
await probe(
  'net.dns-synthetic',
  'network',
  'control: names resolve to synthetic addresses',
  () => lookUp('127.0.0.1', 'example.com'),
  synthetic,
);
await probe(
  'net.dns-elsewhere',
  'network',
  'a name server elsewhere is the same synthetic one',
  () => lookUp('8.8.8.8', 'exfiltrated-data.example.com'),
  synthetic,
);
await probe(
  'net.udp-elsewhere',
  'network',
  'no other UDP leaves',
  () =>
    new Promise((resolve) => {
      const socket = dgram.createSocket('udp4');
      socket.connect(123, '162.159.200.1', () => {
        socket.on('error', (error) => (socket.close(), resolve(`error ${error.code}`)));
        socket.on('message', () => resolve('an answer came'));
        socket.send(Buffer.alloc(48, 0x1b), () => setTimeout(() => resolve('no answer'), 500).unref());
      });
    }),
  (seen) => seen === 'error ECONNREFUSED' || seen === 'no answer',
);

// Files.
await probe(
  'file.project-writable',
  'files',
  'control: the project’s copy can be written',
  () =>
    outcomeOf(() => {
      writeFileSync('.ironcage-probe', 'x');
      rmSync('.ironcage-probe');
      return 'written and removed';
    }),
  worked,
);
await probe(
  'file.system-readable',
  'files',
  'control: /usr can be read',
  () => outcomeOf(() => readdirSync('/usr/bin').length),
  worked,
);
await probe(
  'file.system-read-only',
  'files',
  '/usr cannot be written',
  () => outcomeOf(() => writeFileSync('/usr/ironcage-probe', 'x')),
  refused,
);
await probe(
  'file.root-read-only',
  'files',
  'the root directory cannot be written',
  () => outcomeOf(() => writeFileSync('/ironcage-probe', 'x')),
  refused,
);
await probe(
  'file.shadow',
  'files',
  '/etc/shadow cannot be read',
  () =>
    outcomeOf(
      () =>
        readFileSync('/etc/shadow', 'utf8').length ||
        (() => {
          throw new Error('empty');
        })(),
    ),
  refused,
);
await probe(
  'file.host-home',
  'files',
  'nothing of the host’s home is there',
  () =>
    facts.hostHome
      ? readdirOrNone(facts.hostHome)
          .filter((name) => !facts.homeEntries.includes(name))
          .join(',') || 'nothing'
      : 'nothing',
  (seen) => seen === 'nothing',
);
await probe(
  'file.data-root',
  'files',
  'ironcage’s own data is not there',
  () => existsSync(facts.dataRoot ?? '/nonexistent'),
  (seen) => seen === false,
);
for (const socket of [
  '/var/run/docker.sock',
  '/run/docker.sock',
  '/run/podman/podman.sock',
  '/run/dbus/system_bus_socket',
  '/run/containerd/containerd.sock',
]) {
  await probe(
    `file.socket${socket.replaceAll('/', '.')}`,
    'files',
    'no control socket of the host',
    () => existsSync(socket),
    (seen) => seen === false,
  );
}
function readdirOrNone(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

// Processes and the kernel.
await probe(
  'proc.not-root',
  'processes',
  'the user inside is not root',
  () => os.userInfo().uid,
  (uid) => uid !== 0,
);
await probe(
  'proc.no-capabilities',
  'processes',
  'no capability in any set',
  () => ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((name) => status()[name]).join(','),
  (seen) => /^(0+,?)+$/.test(seen),
);
await probe(
  'proc.no-new-privileges',
  'processes',
  'no_new_privs is set',
  () => status().NoNewPrivs,
  (seen) => seen === '1',
);
await probe(
  'proc.filter',
  'processes',
  'a system-call filter is loaded',
  () => status().Seccomp,
  (seen) => seen === '2',
);
await probe(
  'proc.namespace',
  'processes',
  'process 1 is the cage’s own',
  () => readFileSync('/proc/1/cmdline', 'utf8').split('\0')[0],
  (seen) => seen.endsWith('bwrap'),
);
await probe(
  'proc.no-user-namespace',
  'processes',
  'no user namespace can be made',
  () => tryCommand('unshare', '--user', 'true'),
  refused,
);
await probe(
  'proc.no-mount',
  'processes',
  'nothing can be mounted',
  () => tryCommand('mount', '-t', 'tmpfs', 'tmpfs', '/tmp'),
  refused,
);
await probe('proc.commands-run', 'processes', 'control: commands run', () => tryCommand('true'), worked);
await probe(
  'proc.devices',
  'processes',
  'no disk, memory or kernel device',
  () =>
    readdirSync('/dev')
      .filter((name) => /^(sd|vd|nvme|xvd|loop|dm-|mem$|kmem$|port$|kvm$|fuse$|net$)/.test(name))
      .join(',') || 'none',
  (seen) => seen === 'none',
);

// Secrets.
await probe(
  'secret.placeholders',
  'secrets',
  'control: each bound secret is there as a placeholder',
  () =>
    (facts.secrets ?? [])
      .filter(({ env, placeholder }) => process.env[env] !== placeholder)
      .map(({ env }) => env)
      .join(',') || 'all',
  (seen) => seen === 'all',
);
await probe(
  'secret.first-process',
  'secrets',
  'the environment of process 1 holds nothing but a PATH',
  () =>
    readFileSync('/proc/1/environ', 'utf8')
      .split('\0')
      .filter((entry) => entry !== '' && !entry.startsWith('PATH='))
      .map((entry) => entry.split('=')[0])
      .join(',') || 'PATH',
  (seen) => seen === 'PATH',
);
