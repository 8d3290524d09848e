// What the command line asks of the library about findings in a change and the decisions about them.
import type { DiffFile, Finding, HostExecutableFile, PieceWriter } from './library-change.ts';
import type { Context } from './library-context.ts';

type ReviewDecision = 'accepted' | 'left-out' | 'undecided';

export interface DecidedFile extends HostExecutableFile {
  decision: ReviewDecision;
}

export interface ReviewedFile extends Pick<DiffFile, 'path' | 'from' | 'change'> {
  rank: Finding['rank'];
  decision: ReviewDecision;
  content: string;
  findings: readonly (Finding & { decision: ReviewDecision })[];
}

export interface CageReview {
  cage: string;
  dir?: string;
  base: string;
  inPlace: boolean;
  files: readonly ReviewedFile[];
  ordinary: number;
  undecided: number;
  skipped: readonly { path: string; reason: string }[];
}

export interface ShownFinding {
  path: string;
  class: string;
  content: string;
}

export interface ReviewRequest {
  accept?: readonly (string | ShownFinding)[];
  leaveOut?: readonly (string | ShownFinding)[];
  reset?: boolean;
}

export interface ReviewLibrary {
  reviewCage(context: Context, name: string, dir?: string): Promise<CageReview>;
  decideReview(
    context: Context,
    name: string,
    request: ReviewRequest,
    dirs?: readonly string[],
  ): Promise<readonly CageReview[]>;
  reviewFileText(
    context: Context,
    name: string,
    file: { path: string; dir?: string | undefined },
    write: PieceWriter,
  ): Promise<void>;
}
