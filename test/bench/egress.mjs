// What the egress costs: request rate and latency over TLS beside a direct connection, bulk throughput, memory. Prints
// ratios, because the machine's own speed says nothing. Run after `npm run build`: node test/bench/egress.mjs
import { execFileSync, fork, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { get, Agent } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HOST = 'origin.example';
const MAIN = fileURLToPath(new URL('../../dist/egress/main.js', import.meta.url));
const { createLeafMint, mintCa } = await import('../../dist/egress/mint.js');

const seconds = Number(process.argv[2] ?? 5);
const missing = ['nginx', 'wrk'].filter((program) => !has(program));
if (missing.length > 0) {
  console.log(`egress bench skipped: ${missing.join(' and ')} not found`);
  process.exit(0);
}

const directory = mkdtempSync(join(tmpdir(), 'ironcage-bench-'));
const world = await mintCa('bench world', Date.now());
const origin = await startNginx();
const { egress, port } = await startEgress();
try {
  const direct = { port: origin.port, ca: world.certificatePem };
  const through = { port, ca: readFileSync(join(directory, 'ca.pem'), 'utf8') };
  // One warm-up each, then turns, so that a busy machine slows both down alike.
  for (const target of [direct, through]) load(target.port, 1);
  const rates = { direct: [], through: [] };
  for (let turn = 0; turn < 3; turn += 1) {
    rates.direct.push(load(direct.port, seconds));
    rates.through.push(load(through.port, seconds));
  }
  const directRate = median(rates.direct);
  const throughRate = median(rates.through);
  const latency = { direct: await latencies(direct), through: await latencies(through) };
  const rssBefore = rssMegabytes(egress.pid);
  const bulk = { direct: download(direct), through: download(through) };
  const rssAfter = rssMegabytes(egress.pid);
  console.log(
    `requests/s at 32 connections   direct ${directRate.toFixed(0)}   through ${throughRate.toFixed(0)}   ratio ${(throughRate / directRate).toFixed(2)}`,
  );
  console.log(
    `latency p50 at 1 connection    direct ${latency.direct.toFixed(0)} µs   through ${latency.through.toFixed(0)} µs   added ${(latency.through - latency.direct).toFixed(0)} µs`,
  );
  console.log(
    `download of 1 GiB              direct ${bulk.direct.toFixed(0)} MB/s   through ${bulk.through.toFixed(0)} MB/s   ratio ${(bulk.through / bulk.direct).toFixed(2)}`,
  );
  console.log(`memory of the egress           ${rssBefore} MB before, ${rssAfter} MB after the download`);
} finally {
  egress.kill('SIGTERM');
  origin.process.kill('SIGTERM');
  await Promise.all(
    [egress, origin.process].map((child) => child.exitCode ?? new Promise((done) => child.once('exit', done))),
  );
  rmSync(directory, { recursive: true });
}

function has(program) {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function startNginx() {
  const mint = await createLeafMint(world);
  const leaf = await mint.mint(HOST, false, Date.now());
  writeFileSync(join(directory, 'key.pem'), mint.keyPem);
  writeFileSync(join(directory, 'cert.pem'), leaf.certificatePem);
  writeFileSync(join(directory, 'small'), 'x'.repeat(200));
  const originPort = await freePort();
  const config = join(directory, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/nginx.log;
     events { worker_connections 512; }
     http {
       access_log off; keepalive_requests 1000000000; client_body_temp_path ${directory}; proxy_temp_path ${directory};
       fastcgi_temp_path ${directory}; uwsgi_temp_path ${directory}; scgi_temp_path ${directory};
       server {
         listen 127.0.0.1:${originPort} ssl; ssl_certificate ${directory}/cert.pem; ssl_certificate_key ${directory}/key.pem;
         root ${directory};
       }
     }`,
  );
  writeFileSync(join(directory, 'big'), '');
  truncateSync(join(directory, 'big'), 2 ** 30);
  // nginx serves as nobody.
  chmodSync(directory, 0o755);
  const child = spawn('nginx', ['-p', directory, '-c', config], { stdio: 'inherit' });
  await untilListening(originPort);
  return { process: child, port: originPort };
}

async function startEgress() {
  const egressPort = await freePort();
  const child = fork(MAIN, [], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const server = createServer();
  await new Promise((done) => server.listen(egressPort, '127.0.0.1', done));
  const rule = { id: 'bench', effect: 'allow', origin: 'user', host: HOST, port: egressPort };
  child.send({
    type: 'configure',
    config: {
      generation: 1,
      policy: { mode: 'filtered', rules: [rule] },
      bindings: [],
      secretValues: {},
      routes: [{ host: HOST, address: '127.0.0.1', port: origin.port, caPem: world.certificatePem }],
      cage: 'bench',
      caDirectory: directory,
      auditDirectory: directory,
      controlSocket: join(directory, 'control.sock'),
      upstreamCaFiles: [],
      limits: {
        maxConnections: 1024,
        maxHeadBytes: 65536,
        maxHeaders: 200,
        headTimeoutMs: 30_000,
        idleTimeoutMs: 600_000,
        dialTimeoutMs: 30_000,
      },
    },
  });
  await message(child, 'configured');
  child.send({ type: 'listener', purpose: 'tcp', port: egressPort }, server, () => server.close());
  child.send({ type: 'serve' });
  await message(child, 'serving');
  return { egress: child, port: egressPort };
}

function message(child, type) {
  return new Promise((resolve, reject) => {
    child.on('message', (received) => {
      if (received.type === type) resolve(received);
      if (received.type === 'failed') reject(new Error(received.message));
    });
  });
}

function load(port, duration) {
  // wrk takes the TLS server name from the URL: the script sends the URL's host to loopback.
  writeFileSync(
    join(directory, 'loopback.lua'),
    `wrk.resolve = function(host, service) wrk.addrs = wrk.lookup('127.0.0.1', service) end`,
  );
  const url = `https://${HOST}:${port}/small`;
  const argv = ['-t1', '-c32', `-d${duration}s`, '-s', join(directory, 'loopback.lua'), url];
  const output = execFileSync('wrk', argv, { encoding: 'utf8' });
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`not all answers were 200:\n${output}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
}

async function latencies({ port, ca }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const options = {
    host: '127.0.0.1',
    port,
    servername: HOST,
    path: '/small',
    ca,
    agent,
    headers: { host: `${HOST}:${port}` },
  };
  const times = [];
  for (let count = 0; count < 1500; count += 1) {
    const start = performance.now();
    await new Promise((resolve, reject) => {
      get(options, (response) => {
        if (response.statusCode !== 200) reject(new Error(`answer ${response.statusCode}`));
        response.resume().on('end', resolve);
      }).on('error', reject);
    });
    if (count >= 500) times.push((performance.now() - start) * 1000);
  }
  agent.destroy();
  return median(times);
}

/** MB/s as curl sees them. */
function download({ port, ca }) {
  writeFileSync(join(directory, 'client-ca.pem'), ca);
  const argv = [
    ...['-sS', '--cacert', join(directory, 'client-ca.pem'), '-o', '/dev/null', '-w', '%{speed_download}'],
    ...['--resolve', `${HOST}:${port}:127.0.0.1`, `https://${HOST}:${port}/big`],
  ];
  return Number(execFileSync('curl', argv, { encoding: 'utf8' })) / 1e6;
}

function rssMegabytes(pid) {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);
}

function median(values) {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)];
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function untilListening(port) {
  const { connect } = await import('node:net');
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const isOpen = await new Promise((done) => {
      const socket = connect(port, '127.0.0.1', () => (socket.destroy(), done(true)));
      socket.on('error', () => setTimeout(() => done(false), 10));
    });
    if (isOpen) return;
  }
  throw new Error('nginx did not start');
}
