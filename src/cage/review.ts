// The review of a cage's change: what of it can run on the host or steer another agent, what was decided about it, and deciding.
// Never touches the cage's files nor the project's.
import { IronError } from '../platform/errors.ts';
import type { PieceWriter } from '../platform/processes.ts';
import { changeText } from '../workspace/change.ts';
import { isFindingClass, RANKS } from '../workspace/finding.ts';
import { compileGlob } from '../workspace/ignore-pattern.ts';
import {
  decideFiles,
  rememberDecisions,
  type DecidedFile,
  type DecidedFinding,
  type Decision,
} from '../workspace/review-decisions.ts';
import type { DiffFile } from '../workspace/tree-diff.ts';
import type { Context } from './context.ts';
import { withCageLock } from './store.ts';
import { changedWorkspace } from './work.ts';

export interface ReviewedFile extends Pick<DiffFile, 'path' | 'from' | 'change'> {
  rank: DecidedFile['rank'];
  decision: DecidedFile['decision'];
  /** Mode and name of the new contents, or `deleted`. */
  content: string;
  findings: readonly DecidedFinding[];
}

export interface CageReview {
  cage: string;
  /** Only of a further directory: its name. */
  dir?: string;
  /** Tree of the base. */
  base: string;
  /** The project is mounted: what was found is on the host already. */
  inPlace: boolean;
  /** The gravest first. Files about which there is nothing to say are not among them. */
  files: readonly ReviewedFile[];
  /** How many files of the change there is nothing to say about. */
  ordinary: number;
  undecided: number;
  /** What is in the cage and cannot be part of a change. */
  skipped: readonly { path: string; reason: string }[];
}

/** One finding as it was shown: with other contents it is another one. */
export interface ShownFinding {
  path: string;
  class: string;
  content: string;
}

/** A word names a class, a file, a directory (with a slash at its end) or, with `*` and `**`, files by their whole path. */
export type ReviewSelector = string | ShownFinding;

export interface ReviewRequest {
  accept?: readonly ReviewSelector[] | undefined;
  /** Taken after `accept`, and so over it. */
  leaveOut?: readonly ReviewSelector[] | undefined;
  /** Forgets first what was decided before. */
  reset?: boolean | undefined;
}

/** `dir` is a further directory of the cage; '' is its project. */
export async function reviewCage(context: Context, name: string, dir = ''): Promise<CageReview> {
  const { workspace, change } = await changedWorkspace(context, name, dir);
  return view({ name, dir, workspace, change }, decideFiles(workspace, change.hostExecutable));
}

/** One file of the change as a patch, in pieces with bytes from inside the cage; nothing where there is no such file. */
export async function reviewFileText(
  context: Context,
  name: string,
  { path, dir = '' }: { path: string; dir?: string | undefined },
  write: PieceWriter,
): Promise<void> {
  const { workspace, change } = await changedWorkspace(context, name, dir);
  const file = change.files.find((each) => each.path === path);
  if (file === undefined) return;
  await changeText(workspace, change, 'full', write, file.from === undefined ? [path] : [file.from, path]);
}

/**
 * Decides in the directories given, for contents as they are now. Throws E_USAGE, with nothing decided, when a word names nothing
 * in any of them; what was shown and is not there any more stays undecided.
 */
export async function decideReview(
  context: Context,
  name: string,
  request: ReviewRequest,
  dirs: readonly string[] = [''],
): Promise<CageReview[]> {
  return withCageLock(context, name, async () => {
    const places: (Place & { files: DecidedFile[] })[] = [];
    for (const dir of dirs) {
      const { workspace, change } = await changedWorkspace(context, name, dir);
      const known = decideFiles(workspace, change.hostExecutable);
      const files = request.reset === true ? known.map(forget) : known;
      places.push({ name, dir, workspace, change, files });
    }
    const { accept = [], leaveOut = [] } = request;
    if (leaveOut.length > 0 && places.some(isInPlace)) throw alreadyThere(name);
    const all = places.flatMap(({ files }) => files);
    const unknown = [...accept, ...leaveOut].find((word) => typeof word === 'string' && !selectsAny(all, word));
    if (typeof unknown === 'string') throw nothingLike(unknown, name);
    return places.map((place) => {
      const files = decide(decide(place.files, accept, 'accepted'), leaveOut, 'left-out');
      rememberDecisions(place.workspace, files);
      return view(place, decideFiles(place.workspace, place.change.hostExecutable));
    });
  });
}

type Place = { name: string; dir: string } & Awaited<ReturnType<typeof changedWorkspace>>;

function isInPlace({ workspace }: Place): boolean {
  return workspace.strategy === 'mount';
}

function forget(file: DecidedFile): DecidedFile {
  return { ...file, reasons: file.reasons.map((finding) => ({ ...finding, decision: 'undecided' as const })) };
}

function decide(
  files: readonly DecidedFile[],
  selectors: readonly ReviewSelector[],
  decision: Decision,
): DecidedFile[] {
  const selects = selectors.map(selection);
  return files.map((file) => ({
    ...file,
    reasons: file.reasons.map((finding) =>
      selects.some((one) => one(file, finding)) ? { ...finding, decision } : finding,
    ),
  }));
}

type Selection = (file: DecidedFile, finding: DecidedFinding) => boolean;

function selection(selector: ReviewSelector): Selection {
  if (typeof selector !== 'string') {
    return (file, finding) =>
      finding.class === selector.class && file.path === selector.path && file.content === selector.content;
  }
  if (isFindingClass(selector)) return (_file, finding) => finding.class === selector;
  // A file that is called like a class is named with its directory.
  const word = selector.startsWith('./') ? selector.slice(2) : selector;
  if (word.endsWith('/')) return ({ path }) => path.startsWith(word);
  const matches = compileGlob(word);
  return ({ path }) => path === word || matches(path);
}

function selectsAny(files: readonly DecidedFile[], word: string): boolean {
  const selects = selection(word);
  return files.some((file) => file.reasons.some((finding) => selects(file, finding)));
}

function view({ name, dir, workspace, change }: Place, decided: readonly DecidedFile[]): CageReview {
  const byPath = new Map(change.files.map((file) => [file.path, file]));
  const files = decided.map(({ path, content, rank, decision, reasons }): ReviewedFile => {
    const { from, change: kind = 'modified' } = byPath.get(path) ?? {};
    return { path, ...(from === undefined ? {} : { from }), change: kind, rank, decision, content, findings: reasons };
  });
  return {
    cage: name,
    ...(dir === '' ? {} : { dir }),
    base: change.base,
    inPlace: workspace.strategy === 'mount',
    files: files.sort((a, b) => RANKS.indexOf(a.rank) - RANKS.indexOf(b.rank)),
    ordinary: change.files.length - files.length,
    undecided: files.filter(({ decision }) => decision === 'undecided').length,
    skipped: change.skipped,
  };
}

function nothingLike(word: string, name: string): IronError {
  return new IronError('E_USAGE', {
    message: `nothing in the review is called ${JSON.stringify(word)}`,
    because: 'it is neither the class of a finding nor the path of a file that has one',
    hint: `ironcage review ${name} --list shows the classes and the files; a pattern is matched with the whole path: **/*.mk`,
  });
}

function alreadyThere(name: string): IronError {
  return new IronError('E_REFUSED', {
    message: `nothing of ${name} can be left out`,
    because: 'its project is mounted, and what the cage wrote is there already',
    hint: 'take the file back by hand (git restore PATH), or accept it',
  });
}
