// The outside world for real clients, on loopback under an authority of its own: one host that speaks HTTP/1.1, HTTP/2,
// WebSocket, event streams and gRPC, a git host, and a Python package index. It counts what arrives.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server as GrpcServer, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { WebSocketServer } from 'ws';
import { createWorld, portOf } from '../integration/egress-rig.ts';

export const WEB = 'web.example';
export const SOCKETS = 'sockets.example';
export const CALLS = 'calls.example';
export const GIT = 'git.example';
export const INDEX = 'index.example';

export interface ClientWorld {
  /** Options of `ironcage create` that lead every host here. */
  routes: readonly string[];
  /** METHOD HOST PATH of what arrived. */
  arrivals: readonly string[];
  /** Of the bare repository below the git host, in git's order. */
  references(): string[];
  close(): Promise<void>;
}

const bytes = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value };
/** Calls whose messages are plain bytes: gRPC's framing, streams and trailers are what is tested. */
const ECHO_SERVICE = {
  echo: {
    path: '/test.Echo/Echo',
    requestStream: true,
    responseStream: true,
    requestSerialize: bytes.serialize,
    requestDeserialize: bytes.deserialize,
    responseSerialize: bytes.serialize,
    responseDeserialize: bytes.deserialize,
  },
} satisfies ServiceDefinition;

export async function startClientWorld(): Promise<ClientWorld> {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-world-'));
  const world = await createWorld();
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, world.caPem);
  const arrivals: string[] = [];
  const closers: (() => void)[] = [() => rmSync(directory, { recursive: true, force: true })];
  const routes: string[] = [];
  const lead = (host: string, port: number) => routes.push('--route', `${host}=127.0.0.1:${port},ca=${caFile}`);

  const web = createSecureServer({ ...(await world.certificate(WEB)), allowHTTP1: true }, (request, response) => {
    arrivals.push(`${request.method} ${WEB} ${request.url}`);
    answerWeb(request, response);
  });
  await listen(web);
  lead(WEB, portOf(web));
  closers.push(() => web.close());

  const sockets = createHttpsServer(await world.certificate(SOCKETS));
  const webSockets = new WebSocketServer({ server: sockets, perMessageDeflate: true });
  webSockets.on('connection', (socket) => {
    arrivals.push(`WS ${SOCKETS}`);
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  await listen(sockets);
  lead(SOCKETS, portOf(sockets));
  closers.push(() => (webSockets.close(), sockets.close()));

  const calls = new GrpcServer();
  calls.addService(ECHO_SERVICE, {
    echo: (call: {
      on(event: string, listener: (message: Buffer) => void): void;
      write(message: Buffer): void;
      end(): void;
    }) => {
      arrivals.push(`CALL ${CALLS}`);
      call.on('data', (message) => call.write(Buffer.concat([Buffer.from('echo '), message])));
      call.on('end', () => call.end());
    },
  });
  const { key, cert } = await world.certificate(CALLS);
  const credentials = ServerCredentials.createSsl(null, [
    { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) },
  ]);
  const callPort = await new Promise<number>((resolve, reject) => {
    calls.bindAsync('127.0.0.1:0', credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
  lead(CALLS, callPort);
  closers.push(() => calls.forceShutdown());

  const repository = makeRepository(directory);
  const git = createHttpsServer(await world.certificate(GIT), (request, response) => {
    arrivals.push(`${request.method} ${GIT} ${request.url}`);
    serveGit(directory, request, response);
  });
  await listen(git);
  lead(GIT, portOf(git));
  closers.push(() => git.close());

  const wheel = makeWheel(directory);
  const index = createHttpsServer(await world.certificate(INDEX), (request, response) => {
    arrivals.push(`${request.method} ${INDEX} ${request.url}`);
    if (request.url === '/simple/caged-demo/') {
      response.setHeader('content-type', 'text/html').end(`<a href="/files/${wheel.name}">${wheel.name}</a>`);
    } else if (request.url === `/files/${wheel.name}`) response.end(wheel.content);
    else response.writeHead(404).end();
  });
  await listen(index);
  lead(INDEX, portOf(index));
  closers.push(() => index.close());

  return {
    routes,
    arrivals,
    references: () =>
      execFileSync('git', ['-C', repository, 'for-each-ref', '--format=%(refname)'], { encoding: 'utf8' })
        .trim()
        .split('\n'),
    async close() {
      for (const close of closers.toReversed()) close();
      await Promise.resolve();
    },
  };
}

function answerWeb(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
): void {
  if (request.url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end('data: one\n\ndata: two\n\n');
    return;
  }
  let received = 0;
  request.on('data', (piece: Buffer) => (received += piece.length));
  request.on('end', () => {
    response.setHeader('content-type', 'text/html');
    response.end(
      `<p id="answer">${request.method} ${request.url} over ${request.httpVersion}, ${received} bytes</p>\n`,
    );
  });
}

/** git's own CGI program, as every server of the smart protocol runs it. */
function serveGit(root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', `https://${GIT}`);
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: join(root, 'repositories'),
      GIT_HTTP_EXPORT_ALL: '1',
      REMOTE_USER: 'agent',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(child.stdin);
  const pieces: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  child.on('close', () => {
    const output = Buffer.concat(pieces);
    const end = output.indexOf('\r\n\r\n');
    for (const line of output.subarray(0, end).toString().split('\r\n')) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon);
      const value = line.slice(colon + 1).trim();
      if (name.toLowerCase() === 'status') response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.end(output.subarray(end + 4));
  });
}

function makeRepository(directory: string): string {
  const path = join(directory, 'repositories', 'team', 'tool.git');
  const work = join(directory, 'seed');
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=world', '-c', 'user.email=world@example', ...args], { stdio: 'ignore' });
  mkdirSync(work, { recursive: true });
  git('init', '-b', 'main', work);
  writeFileSync(join(work, 'tool.txt'), 'from the world\n');
  git('-C', work, 'add', '.');
  git('-C', work, 'commit', '-m', 'first');
  git('clone', '--bare', work, path);
  git('-C', path, 'config', 'http.receivepack', 'true');
  return path;
}

/** A wheel by hand: a zip with one module and the three files that every wheel has. */
function makeWheel(directory: string): { name: string; content: Buffer } {
  const name = 'caged_demo-1.0-py3-none-any.whl';
  const file = join(directory, name);
  const script = [
    'import sys, zipfile',
    'with zipfile.ZipFile(sys.argv[1], "w") as wheel:',
    '    info = "caged_demo-1.0.dist-info/"',
    '    wheel.writestr("caged_demo.py", "ANSWER = 42\\n")',
    '    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: caged-demo\\nVersion: 1.0\\n")',
    '    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")',
    '    wheel.writestr(info + "RECORD", "caged_demo.py,,\\n" + info + "METADATA,,\\n" + info + "WHEEL,,\\n" + info + "RECORD,,\\n")',
  ].join('\n');
  execFileSync('python3', ['-c', script, file]);
  return { name, content: readFileSync(file) };
}

function listen(server: ReturnType<typeof createServer> | ReturnType<typeof createSecureServer>): Promise<void> {
  return new Promise((resolve) => void server.listen(0, '127.0.0.1', () => resolve()));
}
