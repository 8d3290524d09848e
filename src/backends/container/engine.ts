// One container engine, spoken to through its own command line: the one client that every engine of the kind brings along,
// that follows its contexts, its rootless set-up and its remote hosts, and that Docker and Podman share word for word. An
// HTTP client would need a socket that Podman only has as a service. Argv arrays, never a shell string.
import { IronError } from '../../platform/errors.ts';
import { run, type RunResult } from '../../platform/processes.ts';
import { printableLine } from '../../platform/text.ts';
import type { EngineKind, EngineLimits } from '../backend.ts';

/** An engine that answered. */
export interface Engine {
  kind: EngineKind;
  /** Absolute path of its command line. */
  program: string;
  /** Which daemon: arguments that stand before every command. */
  selectors: readonly string[];
  /** What its command line needs of the caller's environment; complete. */
  env: Readonly<Record<string, string>>;
  /** Rootless: its containers lie in a user namespace of the caller's. */
  rootless: boolean;
  /** It is root's, and the caller is not. */
  gated: boolean;
  limits: EngineLimits;
}

/** What an engine says of itself. */
export interface EngineFacts {
  /** For people: name and number. */
  version: string;
  engineVersion: string;
  runtimeVersion: string;
  rootless: boolean;
  /** Users of its containers have other numbers than on the host. */
  remapped: boolean;
  limits: EngineLimits;
  /** Its containers are no processes of this machine's kernel. */
  remote: boolean;
}

const TIMEOUT_MS = 120_000;

/** Runs one command of the engine; rejects only when its program could not be started. */
export function callEngine(
  engine: Pick<Engine, 'program' | 'selectors' | 'env'>,
  args: readonly string[],
  options: { input?: string | Uint8Array; timeoutMs?: number; maxOutputBytes?: number; cwd?: string } = {},
): Promise<RunResult> {
  return run(engine.program, [...engine.selectors, ...args], { timeoutMs: TIMEOUT_MS, ...options, env: engine.env });
}

/** Its standard output, without the last newline. Throws E_BACKEND that says what was being done and what the engine said. */
export async function askEngine(engine: Engine, args: readonly string[], doing: string): Promise<string> {
  const result = await callEngine(engine, args);
  if (result.exitCode === 0) return result.stdout.toString('utf8').trimEnd();
  throw engineFailure(engine, doing, result);
}

export function engineFailure(engine: Pick<Engine, 'kind'>, doing: string, result: RunResult): IronError {
  const said = lastWords(result.stderr);
  const known = result.timedOut ? undefined : KNOWN_FAILURES.find(({ pattern }) => pattern.test(said));
  return new IronError(known?.code ?? 'E_BACKEND', {
    message: known?.message ?? `${engine.kind} could not ${doing}`,
    because: result.timedOut ? 'it did not answer in time' : said === '' ? 'it gave no reason' : said,
    hint: known?.hint ?? `try \`${engine.kind} info\`; \`ironcage doctor\` shows which engines there are`,
  });
}

/** An engine repeats what a cage's programs wrote: no control sequence of theirs may pass. */
function lastWords(stderr: string): string {
  return printableLine(stderr.trim().split('\n').slice(-3).join(' | ')).slice(0, 600);
}

const KNOWN_FAILURES = [
  {
    pattern: /cannot connect to the docker daemon|error during connect|dial unix|connection refused/i,
    code: 'E_BACKEND',
    message: 'the container engine does not answer',
    hint: 'start it (for Docker: sudo systemctl start docker) and run the command again',
  },
  {
    pattern: /permission denied.*docker.*sock/i,
    code: 'E_BACKEND',
    message: 'this user may not use the Docker daemon',
    hint: 'use --backend podman, or --backend native, which need no daemon',
  },
  {
    pattern:
      /no such image|unable to find image|image not known|short-name .* did not resolve|manifest unknown|pull access denied/i,
    code: 'E_BACKEND',
    message: 'the image of the cage is not there',
    hint: 'pull or build it, or name another with --image',
  },
  {
    pattern: /no space left on device/i,
    code: 'E_DISK_FULL',
    message: 'the disk is full',
    hint: 'free some space and start again',
  },
] as const;
