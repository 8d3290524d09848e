// What is measured of a hop. Every figure comes from a client outside of it, memory from the kernel.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BULK_BYTES, HOST, STREAM_HOST } from './origin.mjs';
import { missingPrograms } from './programs.mjs';

const run = promisify(execFile);
const EVENTS = 400;

export async function measureHop(hop, directory, seconds) {
  const idle = rssMegabytes(hop.pid);
  await wrk(hop, directory, 1, 32, []);
  const many = await wrk(hop, directory, seconds, 32, []);
  const one = await wrk(hop, directory, seconds, 1, []);
  const loaded = rssMegabytes(hop.pid);
  const fresh = await wrk(hop, directory, seconds, 16, ['-H', 'Connection: close']);
  const down = await download(hop);
  const up = await upload(hop);
  const bulk = rssMegabytes(hop.pid);
  const eventMs = await eventDelay(hop);
  const overHttp2 = await http2(hop, seconds);
  return {
    rate32: many.rate,
    rate1: one.rate,
    p50Us: one.p50Us,
    fresh: fresh.rate,
    down,
    up,
    eventMs,
    overHttp2,
    memory: hop.pid === undefined ? undefined : { idle, loaded, bulk },
  };
}

/** wrk takes the TLS server name from the URL: the script sends the URL's host to loopback. */
async function wrk({ port }, directory, seconds, connections, more) {
  const script = join(directory, 'loopback.lua');
  writeFileSync(script, `wrk.resolve = function(host, service) wrk.addrs = wrk.lookup('127.0.0.1', service) end`);
  const argv = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '-s', script, ...more];
  const { stdout } = await run('wrk', [...argv, `https://${HOST}:${port}/small`]);
  if (/Non-2xx/.test(stdout)) throw new Error(`not all answers were 200:\n${stdout}`);
  const [, value, unit] = /50%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  const scale = { us: 1, ms: 1000, s: 1e6 }[unit] ?? Number.NaN;
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]), p50Us: Number(value) * scale };
}

/** Megabytes a second, as curl sees them; undefined where the hop does not get it through. */
async function download({ port, caFile }) {
  return speed('%{speed_download}', [
    '--resolve',
    `${HOST}:${port}:127.0.0.1`,
    '--cacert',
    caFile,
    `https://${HOST}:${port}/big`,
  ]);
}

async function upload({ streamPort: port, caFile }) {
  const target = [
    '--resolve',
    `${STREAM_HOST}:${port}:127.0.0.1`,
    '--cacert',
    caFile,
    `https://${STREAM_HOST}:${port}/upload`,
  ];
  const script = `head -c ${BULK_BYTES} /dev/zero | curl "$@"`;
  const argv = [
    '-c',
    script,
    'upload',
    '-sS',
    '--http1.1',
    '--max-time',
    '60',
    '-T',
    '-',
    '-X',
    'POST',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code} %{speed_upload}',
  ];
  return parseSpeed(run('sh', [...argv, ...target]));
}

function speed(format, target) {
  const argv = ['-sS', '--http1.1', '--max-time', '60', '-o', '/dev/null', '-w', `%{http_code} ${format}`];
  return parseSpeed(run('curl', [...argv, ...target]));
}

async function parseSpeed(finished) {
  try {
    const { stdout } = await finished;
    const [code, bytes] = stdout.split(' ');
    return code === '200' ? Number(bytes) / 1e6 : undefined;
  } catch {
    // The hop gave up in the middle: that is the figure.
    return undefined;
  }
}

/** Median milliseconds from the sending of an event to its arrival; both ends read the same clock. */
function eventDelay({ streamPort: port, caFile }) {
  const options = {
    ...{ host: '127.0.0.1', port, servername: STREAM_HOST, path: '/events', agent: false, rejectUnauthorized: true },
    ...{ ca: readFileSync(caFile), headers: { host: `${STREAM_HOST}:${port}` } },
  };
  return new Promise((resolve, reject) => {
    const delays = [];
    const asked = request(options, (response) => {
      response.on('data', (piece) => {
        const now = process.hrtime.bigint();
        for (const [, sent] of String(piece).matchAll(/data: (\d+)/g)) delays.push(Number(now - BigInt(sent)) / 1e6);
        if (delays.length < EVENTS) return;
        asked.destroy();
        resolve(median(delays));
      });
    });
    asked.setTimeout(20_000, () => asked.destroy(new Error('no events')));
    asked.on('error', (error) => (delays.length < EVENTS ? reject(error) : undefined));
    asked.end();
  }).catch(() => undefined);
}

/** Requests a second over one HTTP/2 connection with 32 streams. */
async function http2({ port }, seconds) {
  if (missingPrograms(['h2load']).length > 0) return undefined;
  const argv = ['-c1', '-m32', '-t1', `-D${seconds}`, '--warm-up-time=1', `--connect-to=127.0.0.1:${port}`];
  try {
    const { stdout } = await run('h2load', [...argv, `https://${HOST}:${port}/small`]);
    if (!/status codes: \d+ 2xx, 0 3xx, 0 4xx, 0 5xx/.test(stdout) || !/h2\b/.test(stdout)) return undefined;
    return Number(/([\d.]+) req\/s/.exec(stdout)?.[1]);
  } catch {
    return undefined;
  }
}

function rssMegabytes(pid) {
  if (pid === undefined) return undefined;
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);
}

function median(values) {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)];
}
