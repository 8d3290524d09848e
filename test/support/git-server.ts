// Repositories behind https on this machine, for one user with a password: git's own server program, called as a web server does.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { createWorld, startOrigin } from '../integration/egress-rig.ts';

export interface GitServer {
  /** `HOST:PORT`, to be put behind `https://`. */
  address: string;
  /** Whom to trust for its certificate. */
  caFile: string;
  /** While true, requests wait for an answer that never comes. */
  stalls: boolean;
  /** Requests that waited. */
  waiting: number;
  close(): Promise<void>;
}

/** Serves the repositories below `directory`, and writes a certificate there. */
export async function startGitServer(directory: string, user: string, password: string): Promise<GitServer> {
  const world = await createWorld();
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, world.caPem);
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const origin = await startOrigin(world, 'localhost', (request, response) => {
    if (server.stalls) server.waiting += 1;
    else if (request.headers.authorization === expected) serve(directory, request, response);
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
  });
  const server: GitServer = {
    address: `localhost:${origin.port}`,
    caFile,
    stalls: false,
    waiting: 0,
    close: () => origin.close(),
  };
  return server;
}

function serve(directory: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'https://localhost');
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      GIT_PROJECT_ROOT: directory,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_COUNT: '1',
      ...{ GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' },
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'],
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
  });
  request.pipe(backend.stdin);
  const pieces: Buffer[] = [];
  backend.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  backend.on('close', () => {
    const answer = Buffer.concat(pieces);
    const end = answer.indexOf('\r\n\r\n');
    const headers = answer
      .toString('latin1', 0, end)
      .split('\r\n')
      .map((line) => line.split(': '));
    for (const [name = '', value = ''] of headers) {
      if (name === 'Status') response.statusCode = Number(value.slice(0, 3));
      else response.setHeader(name, value);
    }
    response.end(answer.subarray(end + 4));
  });
}
