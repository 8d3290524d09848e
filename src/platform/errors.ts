// Every failure a user can meet, in one table. Everything that is not an IronError is a bug and is reported as one.
// A refusal by policy is a Decision, not an error; E_REFUSED is for protections of the tool itself.

type ErrorKind = 'user' | 'environment' | 'refusal' | 'bug';

/** Exit code of each kind, as the command-line contract fixes them. */
const EXIT_CODES = { user: 2, environment: 125, refusal: 126, bug: 70 } as const;

const ERROR_KINDS = {
  E_USAGE: 'user',
  E_NAME: 'user',
  E_CONFIG: 'user',
  E_RULE: 'user',
  E_NO_CAGE: 'user',
  E_CAGE_EXISTS: 'user',
  E_NO_PROJECT: 'user',
  E_NO_AGENT: 'user',
  E_NO_SECRET: 'user',
  E_NO_SNAPSHOT: 'user',
  E_NO_RUN: 'user',
  E_SNAPSHOT_EXISTS: 'user',
  E_SPEC_BROKEN: 'environment',
  E_STATE_BROKEN: 'environment',
  E_LOCKED: 'environment',
  E_TOOL_MISSING: 'environment',
  E_KERNEL: 'environment',
  E_DISK_FULL: 'environment',
  E_IO: 'environment',
  E_BACKEND: 'environment',
  E_EGRESS: 'environment',
  E_AGENT_INSTALL: 'environment',
  E_WORKSPACE: 'environment',
  E_PROTECTION: 'environment',
  E_NOT_RUNNING: 'environment',
  E_PORT: 'environment',
  E_UNEXPORTED: 'refusal',
  E_CONFLICT: 'refusal',
  E_HOST_EXECUTABLE: 'refusal',
  E_OUTSIDE_ROOT: 'refusal',
  E_REFUSED: 'refusal',
  E_ARCHIVE: 'refusal',
  E_BUG: 'bug',
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;

export interface ErrorParts {
  /** What happened, one sentence without a full stop. */
  message: string;
  /** Why, if that is known and differs from the message; of several reasons each has a line of its own. */
  because?: string | readonly string[] | undefined;
  /** What to do next: a command or a change. */
  hint: string;
  /** Safe to print and to log: never a secret, never bytes from inside a cage. */
  details?: Record<string, unknown> | undefined;
  cause?: unknown;
}

export class IronError extends Error {
  readonly code: ErrorCode;
  readonly because: string | undefined;
  /** The same, line by line: a line break within a reason is none. */
  readonly reasons: readonly string[];
  readonly hint: string;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, parts: ErrorParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = 'IronError';
    this.code = code;
    const { because = [] } = parts;
    this.reasons = typeof because === 'string' ? [because] : because;
    this.because = this.reasons.length === 0 ? undefined : this.reasons.join('\n');
    this.hint = parts.hint;
    this.details = parts.details ?? {};
  }

  get exitCode(): number {
    return EXIT_CODES[ERROR_KINDS[this.code]];
  }
}

/** The `code` of a failed system call (`ENOENT`, `ENOSPC`, …), or undefined for any other thrown value. */
export function systemErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Turns whatever was thrown into an IronError: system errors keep their cause, the rest is a bug that says so. */
export function toIronError(error: unknown): IronError {
  if (error instanceof IronError) return error;
  const code = systemErrorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new IronError('E_DISK_FULL', {
      message: 'the disk is full',
      because: errorMessage(error),
      hint: 'free some space and run the command again; nothing that was stored is lost',
      cause: error,
    });
  }
  if (code !== undefined && /^E[A-Z0-9]+$/.test(code) && error instanceof Error && 'syscall' in error) {
    return new IronError('E_IO', {
      message: `a system call failed: ${error.message}`,
      hint: 'check that the path exists and that you may read and write it',
      cause: error,
    });
  }
  return new IronError('E_BUG', {
    message: `this is a bug in ironcage: ${errorMessage(error)}`,
    hint: 'report it with the output of the same command under --verbose',
    cause: error,
  });
}
