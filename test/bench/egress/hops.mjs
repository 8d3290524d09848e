// Every way from a client to the origin that is compared: each gives a port, the authority to trust, and its process.
import { execFileSync, fork, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HOST, nginxConfig, STREAM_HOST } from './origin.mjs';
import { freePort, missingPrograms, startServer, stopChild } from './programs.mjs';

const MAIN = fileURLToPath(new URL('../../../dist/backends/packed/egress.js', import.meta.url));
const MOCKTTP = 'mockttp@4.5.0';

const STARTS = { direct, ironcage, nginx, mitmproxy, mockttp };
export const HOPS = Object.keys(STARTS);

/** The hop, or `{ missing }` with the reason why it cannot be had. */
export function startHop(name, origin, directory) {
  const start = STARTS[name];
  if (start === undefined) return { missing: `there is no such hop; there are ${HOPS.join(', ')}` };
  return start(origin, directory);
}

async function direct(origin) {
  const { port, streamPort, caFile } = origin;
  return { port, streamPort, caFile, pid: undefined, stop: () => Promise.resolve() };
}

/** The egress program as a cage has it, with every default inspector, the audit and the capture on. */
async function ironcage(origin, directory) {
  const port = await freePort();
  const state = join(directory, 'egress');
  mkdirSync(state);
  const { DEFAULT_LIMITS } = await import('../../../dist/egress/config.js');
  const { egressProgram } = await import('../../../dist/backends/host/egress-command.js');
  const { writeConfinement } = await import('../../../dist/backends/host/run-files.js');
  const { RUN_FILES } = await import('../../../dist/backends/host/layout.js');
  writeConfinement(state);
  // As a cage's own, which is told how much memory there is: the program in front and the file at the end are others here.
  const told = ['--ro-bind', join(state, RUN_FILES.egressMemory), '/proc/meminfo', '--die-with-parent'];
  const own = [process.execPath, ...egressProgram().slice(1, -1), MAIN];
  const [program, ...args] = ['bwrap', '--dev-bind', '/', '/', ...told, '--', ...own];
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const server = createServer();
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  const rule = (host) => ({ id: host, effect: 'allow', origin: 'user', host, port });
  const route = (host, to) => ({ host, address: '127.0.0.1', port: to, caPem: origin.caPem });
  child.send({
    type: 'configure',
    config: {
      generation: 1,
      policy: { mode: 'filtered', rules: [rule(HOST), rule(STREAM_HOST)] },
      bindings: [
        {
          name: 'KEY',
          hosts: ['bound.example'],
          slots: [{ kind: 'bearer' }],
          placeholder: `key-${'0123456789abcdef'.repeat(2)}`,
        },
      ],
      secretValues: { KEY: 'a-secret-value-that-is-looked-for-0123' },
      routes: [route(HOST, origin.port), route(STREAM_HOST, origin.streamPort)],
      cage: 'bench',
      caDirectory: state,
      auditDirectory: state,
      controlSocket: join(state, 'control.sock'),
      upstreamCaFiles: [],
      inspectors: [],
      limits: DEFAULT_LIMITS,
    },
  });
  await message(child, 'configured');
  child.send({ type: 'listener', purpose: 'tcp', port }, server, () => server.close());
  child.send({ type: 'serve' });
  await message(child, 'serving');
  const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'));
  return { port, streamPort: port, caFile: join(state, 'ca.pem'), pid, stop: () => stopChild(child) };
}

function message(child, type) {
  return new Promise((resolve, reject) => {
    child.on('message', (received) => {
      if (received.type === type) resolve();
      if (received.type === 'failed') reject(new Error(received.message));
    });
  });
}

async function nginx(origin, directory) {
  const port = await freePort();
  const streamPort = await freePort();
  const proxy = (listen, host, to) => `
    upstream ${host} { server 127.0.0.1:${to}; keepalive 64; keepalive_requests 1000000000; }
    server {
      listen 127.0.0.1:${listen} ssl http2; keepalive_requests 1000000000; client_max_body_size 0;
      ssl_certificate ${origin.certificate(host)}; ssl_certificate_key ${origin.keyFile};
      location / {
        proxy_pass https://${host}; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host ${host};
        proxy_buffering off; proxy_request_buffering off; proxy_ssl_session_reuse on; proxy_ssl_verify on; proxy_ssl_name ${host};
        proxy_ssl_server_name on; proxy_ssl_trusted_certificate ${origin.caFile};
      }
    }`;
  const servers = proxy(port, HOST, origin.port) + proxy(streamPort, STREAM_HOST, origin.streamPort);
  const config = join(directory, 'hop.conf');
  writeFileSync(config, nginxConfig(directory, 'hop', servers));
  const server = await startServer('nginx', ['-p', directory, '-c', config], port);
  const workers = execFileSync('ps', ['-o', 'pid=', '--ppid', String(server.pid)], { encoding: 'utf8' });
  return { port, streamPort, caFile: origin.caFile, pid: Number(workers.trim().split('\n')[0]), stop: server.stop };
}

async function mitmproxy(origin, directory) {
  if (missingPrograms(['mitmdump']).length > 0) return { missing: 'mitmdump not found' };
  const start = async (port, to, host) => {
    const confdir = join(directory, 'mitm');
    const args = [
      ...['--mode', `reverse:https://127.0.0.1:${to}`, '--listen-host', '127.0.0.1', '-p', String(port), '-q'],
      ...[
        '--ssl-insecure',
        '--set',
        `confdir=${confdir}`,
        '--set',
        'stream_large_bodies=1',
        '--set',
        'keep_host_header=true',
      ],
      ...['--certs', `${host}=${join(directory, `${host}-both.pem`)}`],
    ];
    const both = `${readFileSync(origin.keyFile, 'utf8')}\n${readFileSync(origin.certificate(host), 'utf8')}`;
    writeFileSync(join(directory, `${host}-both.pem`), both);
    return startServer('mitmdump', args, port);
  };
  const port = await freePort();
  const streamPort = await freePort();
  const main = await start(port, origin.port, HOST);
  const stream = await start(streamPort, origin.streamPort, STREAM_HOST);
  const stop = async () => void (await Promise.all([main.stop(), stream.stop()]));
  return { port, streamPort, caFile: origin.caFile, pid: main.pid, stop };
}

/** Installed for the run, into the run's own directory: nobody but this benchmark needs it. */
async function mockttp(origin, directory) {
  const home = join(directory, 'mockttp');
  mkdirSync(home);
  try {
    const npm = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', home, MOCKTTP];
    execFileSync('npm', npm, { stdio: 'ignore', timeout: 180_000 });
  } catch {
    return { missing: `${MOCKTTP} could not be installed` };
  }
  if (!existsSync(join(home, 'node_modules/mockttp'))) return { missing: 'it did not arrive' };
  const start = async (to, host) => {
    const program = fileURLToPath(new URL('mockttp-hop.mjs', import.meta.url));
    const child = fork(program, [home, String(to), origin.keyFile, origin.certificate(host)], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const port = await new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', () => reject(new Error('mockttp did not start')));
    });
    return { child, port };
  };
  const main = await start(origin.port, HOST);
  const stream = await start(origin.streamPort, STREAM_HOST);
  return {
    port: main.port,
    streamPort: stream.port,
    caFile: origin.caFile,
    pid: main.child.pid,
    stop: async () => void (await Promise.all([stopChild(main.child), stopChild(stream.child)])),
  };
}
