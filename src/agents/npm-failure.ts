// What npm says when it fails, as an error that tells the user what to do.
import { IronError } from '../platform/errors.ts';
import type { RunResult } from '../platform/processes.ts';

/** Codes of npm and of Node's network layer, in the order in which they explain a failure best. */
const CAUSES: readonly { pattern: RegExp; because: string; hint: string }[] = [
  {
    pattern: /\bEINTEGRITY\b/,
    because: 'the registry sent other bytes than the pinned ones',
    hint: 'check which registry npm uses (npm config get registry); nothing of what it sent was kept',
  },
  {
    pattern: /\b(E404|ETARGET|ENOVERSIONS)\b/,
    because: 'the registry does not have the pinned version',
    hint: 'check which registry npm uses (npm config get registry); a mirror must carry the package',
  },
  {
    pattern: /\b(E401|E403|ENEEDAUTH)\b/,
    because: 'the registry refused access',
    hint: 'log in to the registry that npm uses (npm config get registry), then run the command again',
  },
  {
    pattern: /SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER_CERT|VERIFY_LEAF_SIGNATURE)|CERT_/,
    because: 'npm does not trust the registry’s certificate',
    hint: 'behind a proxy that inspects TLS, tell npm its authority: npm config set cafile FILE',
  },
  {
    pattern:
      /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT)\b/,
    because: 'the npm registry cannot be reached',
    hint: 'check the network and npm’s proxy and registry settings (npm ping), then run the command again',
  },
  {
    pattern: /\b(EACCES|EPERM|EROFS)\b/,
    because: 'npm may not write where it has to',
    hint: 'check who owns npm’s cache (npm config get cache) and ironcage’s data directory',
  },
];

export function npmFailure(
  title: string,
  result: Pick<RunResult, 'exitCode' | 'stderr' | 'timedOut'>,
  doing: 'installed' | 'looked up' = 'installed',
): IronError {
  const message = `${title} could not be ${doing}`;
  const details = { npm: lastLines(result.stderr) };
  if (/\b(ENOSPC|EDQUOT)\b/.test(result.stderr)) {
    return new IronError('E_DISK_FULL', {
      message,
      because: 'the disk is full',
      hint: 'free some space and run the command again; nothing half-made was kept',
      details,
    });
  }
  if (result.timedOut) {
    return new IronError('E_AGENT_INSTALL', {
      message,
      because: 'npm did not finish in time',
      hint: 'check the network and run the command again',
      details,
    });
  }
  const cause = CAUSES.find(({ pattern }) => pattern.test(result.stderr));
  return new IronError('E_AGENT_INSTALL', {
    message,
    because: cause?.because ?? (details.npm === '' ? 'npm failed without a word' : details.npm),
    hint: cause?.hint ?? `install ${title} by hand, or make npm work, and run the command again`,
    details,
  });
}

function lastLines(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!) ?/, '').trim())
    .filter((line) => line !== '' && !/complete log of this run|debug-\d+\.log|^npm warn/i.test(line));
  return lines.slice(0, 6).join('; ');
}
