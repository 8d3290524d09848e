// A registry of npm's on loopback with agents of a test's own: small shell programs under the names and in the shape that real
// agents have.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { hostEnvironment } from '../../src/platform/environment.ts';
import { run } from '../../src/platform/processes.ts';

interface RegistryPackage {
  name: string;
  version: string;
  optionalDependencies?: Readonly<Record<string, string>>;
  /** Path in the package to a script. */
  files?: Readonly<Record<string, string>>;
}

export interface NpmRegistry {
  url: string;
  /** Adds one version; the last that was added without a hyphen is `latest`. Resolves with its integrity text. */
  publish(entry: RegistryPackage): Promise<string>;
  requests: string[];
  close(): Promise<void>;
}

interface Published {
  manifest: Record<string, unknown>;
  tarball: Buffer;
}

export async function openNpmRegistry(): Promise<NpmRegistry> {
  const packages = new Map<string, Map<string, Published>>();
  const latest = new Map<string, string>();
  const requests: string[] = [];
  let url = '';
  const server = createServer((request, response) => {
    const [name = '', file] = decodeURIComponent((request.url ?? '').slice(1)).split('/-/');
    requests.push(request.url ?? '');
    const versions = packages.get(name);
    if (versions === undefined) response.writeHead(404).end('{}');
    else if (file !== undefined) response.end(versions.get(file.replace(/\.tgz$/, ''))?.tarball);
    else {
      const manifests = Object.fromEntries([...versions].map(([version, { manifest }]) => [version, manifest]));
      const tags = { latest: latest.get(name) };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name, 'dist-tags': tags, versions: manifests }));
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the registry has no port');
  url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    requests,
    async publish(entry) {
      const { name, version, optionalDependencies, files = {} } = entry;
      const tarball = await pack({ name, version }, files);
      const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
      const dist = { tarball: `${url}/${encodeURIComponent(name)}/-/${version}.tgz`, integrity };
      const manifest = { name, version, ...(optionalDependencies && { optionalDependencies }), dist };
      packages.set(name, (packages.get(name) ?? new Map<string, Published>()).set(version, { manifest, tarball }));
      if (!version.includes('-')) latest.set(name, version);
      return integrity;
    },
    close: () =>
      new Promise((closed) => {
        server.closeAllConnections();
        server.close(() => closed());
      }),
  };
}

async function pack(manifest: object, files: Readonly<Record<string, string>>): Promise<Buffer> {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-package-'));
  try {
    for (const [path, text] of Object.entries({ 'package.json': JSON.stringify(manifest), ...files })) {
      const file = join(directory, 'package', path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text, { mode: 0o755 });
    }
    const packed = await run('tar', ['-cz', '-C', directory, 'package'], { env: hostEnvironment() });
    return packed.stdout;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
