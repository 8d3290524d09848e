// The questions that every start and every new cage has, asked of Docker's daemon at its own socket: its command line takes longer to
// come up than the daemon to answer. For a daemon of this machine alone; everywhere else, and for everything else, its command
// line is asked.
import { join } from 'node:path';
import { readTextIfPresent } from '../../platform/files.ts';
import { fieldsOf, parseJson } from '../../platform/json.ts';
import type { RunResult } from '../../platform/processes.ts';
import type { Engine } from './engine.ts';

const SYSTEM_SOCKET = '/var/run/docker.sock';
const TIMEOUT_MS = 120_000;
const MOST_BYTES = 8_000_000;

/** The socket that the command line would use. Undefined where only that knows it, or no socket leads there. */
export function dockerSocket({ kind, selectors, env }: Pick<Engine, 'kind' | 'selectors' | 'env'>): string | undefined {
  if (kind !== 'docker') return undefined;
  const [option, host = '', ...more] = selectors;
  if (option === '--host' && more.length === 0) return /^unix:\/\/(\/.+)$/.exec(host)?.[1];
  if (option !== undefined) return undefined;
  const directory = env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? '', '.docker');
  return namesNoContext(join(directory, 'config.json')) ? SYSTEM_SOCKET : undefined;
}

/** Whether the command line, by its settings, speaks to the daemon of its system. */
function namesNoContext(file: string): boolean {
  try {
    const settings: unknown = JSON.parse(readTextIfPresent(file) ?? '{}');
    if (typeof settings !== 'object' || settings === null) return false;
    const context = 'currentContext' in settings ? settings.currentContext : '';
    return context === '' || context === 'default';
  } catch {
    return false;
  }
}

/**
 * What the daemon answers, told as its command line would tell it. Undefined where that is to be asked in its place. Paths:
 * Docker Engine API, without a version, which is the daemon's own.
 */
export async function askDocker(
  engine: Pick<Engine, 'kind' | 'selectors' | 'env'>,
  method: 'GET' | 'POST',
  path: string,
): Promise<RunResult | undefined> {
  const socket = dockerSocket(engine);
  return socket === undefined ? undefined : resultOf(await ask(socket, method, encodeURI(path)));
}

interface Answer {
  /** 0: none came, and `body` says why. */
  status: number;
  body: Buffer;
  timedOut?: boolean;
}

function resultOf({ status, body, timedOut = false }: Answer): RunResult {
  const isGood = (status >= 200 && status < 300) || status === 304;
  const nothing = { signal: null, timedOut };
  if (isGood) return { ...nothing, exitCode: 0, stdout: body, stderr: '' };
  const said = body.toString('utf8');
  return { ...nothing, exitCode: 1, stdout: Buffer.alloc(0), stderr: messageIn(said) ?? said };
}

function messageIn(text: string): string | undefined {
  const { message } = fieldsOf(parseJson(text));
  return typeof message === 'string' ? message : undefined;
}

async function ask(socketPath: string, method: string, path: string): Promise<Answer> {
  // Most commands ask nothing.
  const { request } = await import('node:http');
  return new Promise((resolve) => {
    const fail = (error: Error): void => {
      const said = `cannot connect to the Docker daemon at ${socketPath}: ${error.message}`;
      resolve({ status: 0, body: Buffer.from(said), timedOut: error === TIMED_OUT });
    };
    const options = { socketPath, method, path, timeout: TIMEOUT_MS, headers: { Host: 'docker' }, ...NO_NAME };
    const call = request(options, (response) => {
      const pieces: Buffer[] = [];
      let length = 0;
      response.on('data', (piece: Buffer) => {
        length += piece.length;
        if (length > MOST_BYTES) call.destroy(new Error('its answer is too long'));
        else pieces.push(piece);
      });
      response.once('error', fail);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces) }));
    });
    call.once('timeout', () => call.destroy(TIMED_OUT));
    call.once('error', fail);
    call.end();
  });
}

/** Node would look whether the host is an address, which takes it longer than all the rest of a call. */
const NO_NAME = { servername: '' };

const TIMED_OUT = new Error('it did not answer in time');
