// The one answer to what becomes of files that can run on the host: what a review decided counts, then what the command says; what
// nobody has said yes to keeps all the others from landing.
import { IronError } from '../platform/errors.ts';
import type { HostExecutableFile } from '../workspace/guard-change.ts';
import { decideFiles, type DecidedFile } from '../workspace/review-decisions.ts';
import type { PreparedWorkspace } from '../workspace/workspace.ts';

export interface GuardRequest {
  /** What becomes of files that no review decided about: taken, left in the cage, or everything is refused. */
  hostExecutable: 'accept' | 'leave-out' | 'refuse';
  /** What the person who accepts has seen: with `accept`, anything else is refused. */
  shown?: readonly Pick<DecidedFile, 'path' | 'content'>[] | undefined;
  /** With `shown`: what becomes of anything else. Default: everything is refused. */
  notShown?: 'refuse' | 'leave-out' | undefined;
}

/** Paths of the files that stay in the cage. Throws E_HOST_EXECUTABLE that names those that nobody decided about. */
export function leftOutByGuard(
  { workspace, hostExecutable }: { workspace: PreparedWorkspace; hostExecutable: readonly HostExecutableFile[] },
  name: string,
  request: GuardRequest,
): string[] {
  const decided = decideFiles(workspace, hostExecutable);
  const undecided = decided.filter(({ decision }) => decision === 'undecided');
  refuseHostExecutable(
    undecided.filter((file) => !isCovered(file, request)),
    name,
  );
  const leftOut = decided.filter(({ decision }) => decision === 'left-out');
  return [...leftOut, ...undecided.filter((file) => !isTaken(file, request))].map(({ path }) => path);
}

/** For commits that are taken as they are: of files that are in one of them, and in no review. Throws E_HOST_EXECUTABLE. */
export function refuseInCommits(
  workspace: PreparedWorkspace,
  files: readonly HostExecutableFile[],
  name: string,
  request: GuardRequest,
): void {
  const comes = (file: DecidedFile): boolean =>
    file.decision === 'accepted' || (file.decision === 'undecided' && isTaken(file, request));
  const standing = decideFiles(workspace, files).filter((file) => !comes(file));
  if (standing.length === 0) return;
  throw new IronError('E_HOST_EXECUTABLE', {
    message: `${standing.length} ${standing.length === 1 ? 'file' : 'files'} of single commits can run on the host`,
    because: `${describe(standing)}: whoever checks out one of these commits has them`,
    hint: `look at the commits (ironcage patch ${name}) and add --accept-host-executable, or leave --keep-commits out: then only what the last one leaves comes`,
    details: { files: standing.map(({ path }) => path) },
  });
}

function describe(files: readonly DecidedFile[]): string {
  return files.map(({ path, reasons }) => `${path} (${reasons.map(({ trigger }) => trigger).join('; ')})`).join(', ');
}

/** Of a file that no review decided about. */
function isTaken(file: DecidedFile, { hostExecutable, shown }: GuardRequest): boolean {
  if (hostExecutable !== 'accept') return false;
  return shown === undefined || shown.some(({ path, content }) => path === file.path && content === file.content);
}

/** The request says what becomes of it, and that is not a refusal. */
function isCovered(file: DecidedFile, request: GuardRequest): boolean {
  const { hostExecutable } = request;
  switch (hostExecutable) {
    case 'accept':
      return isTaken(file, request) || (request.shown !== undefined && request.notShown === 'leave-out');
    case 'leave-out':
      return true;
    case 'refuse':
      return false;
    default:
      return hostExecutable satisfies never;
  }
}

function refuseHostExecutable(hostExecutable: readonly DecidedFile[], name: string): void {
  if (hostExecutable.length === 0) return;
  throw new IronError('E_HOST_EXECUTABLE', {
    message: `${hostExecutable.length} changed ${hostExecutable.length === 1 ? 'file' : 'files'} can run on the host`,
    because: describe(hostExecutable),
    hint: `look at them and decide (ironcage review ${name}), or add --accept-host-executable or --skip-host-executable`,
    details: { files: hostExecutable.map(({ path }) => path) },
  });
}
