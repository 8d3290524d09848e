// The world behind every hop: nginx for small answers and for bulk, and a Node server for event streams and uploads, each
// with a certificate of one authority.
import { chmodSync, truncateSync, writeFileSync } from 'node:fs';
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, startServer, stopChild } from './programs.mjs';

export const HOST = 'origin.example';
export const STREAM_HOST = 'stream.example';
export const BULK_BYTES = 2 ** 30;

const { createLeafMint, mintCa } = await import('../../../dist/egress/mint.js');

export async function startOrigin(directory) {
  const world = await mintCa('bench world', Date.now());
  const mint = await createLeafMint(world);
  const caFile = join(directory, 'world.pem');
  const keyFile = join(directory, 'key.pem');
  writeFileSync(caFile, world.certificatePem);
  writeFileSync(keyFile, mint.keyPem);
  for (const host of [HOST, STREAM_HOST]) {
    const leaf = await mint.mint(host, false, Date.now());
    writeFileSync(join(directory, `${host}.pem`), leaf.certificatePem);
  }
  writeFileSync(join(directory, 'small'), 'x'.repeat(1024));
  writeFileSync(join(directory, 'big'), '');
  truncateSync(join(directory, 'big'), BULK_BYTES);
  // nginx serves as nobody.
  chmodSync(directory, 0o755);
  chmodSync(keyFile, 0o644);
  const port = await freePort();
  writeFileSync(
    join(directory, 'origin.conf'),
    nginxConfig(
      directory,
      'origin',
      `
      server {
        listen 127.0.0.1:${port} ssl http2; ssl_certificate ${directory}/${HOST}.pem; ssl_certificate_key ${keyFile};
        keepalive_requests 1000000000; root ${directory};
      }`,
    ),
  );
  const nginx = await startServer('nginx', ['-p', directory, '-c', join(directory, 'origin.conf')], port);
  const streamPort = await freePort();
  const stream = fork(fileURLToPath(new URL('stream-origin.mjs', import.meta.url)), [
    String(streamPort),
    keyFile,
    join(directory, `${STREAM_HOST}.pem`),
  ]);
  await new Promise((ready) => stream.once('message', ready));
  return {
    port,
    streamPort,
    caFile,
    caPem: world.certificatePem,
    keyFile,
    certificate: (host) => join(directory, `${host}.pem`),
    async stop() {
      await Promise.all([nginx.stop(), stopChild(stream)]);
    },
  };
}

/** One worker, since every hop has one process as well. */
export function nginxConfig(directory, name, servers) {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off; worker_processes 1; pid ${directory}/${name}.pid; error_log ${directory}/${name}.log crit;
    events { worker_connections 1024; }
    http {
      access_log off; ${paths.map((kind) => `${kind}_temp_path ${directory}/${name}-${kind};`).join(' ')}
      ${servers}
    }`;
}
