// A review for people: files by rank, each with what triggers it, when, and the lines that matter. Names and lines are from inside a
// cage; the output makes them harmless.
import { count } from './change-rows.ts';
import { dirTitle } from './chosen-dirs.ts';
import type { Finding } from './library-change.ts';
import type { CageReview, ReviewedFile } from './review-library.ts';
import type { Output } from './output.ts';
import type { Span } from './span.ts';

const RANKS: Readonly<Record<Finding['rank'], Span>> = {
  critical: ['red', 'critical'],
  high: ['yellow', 'high    '],
  medium: ['cyan', 'medium  '],
  low: ['dim', 'low     '],
};

const DECISIONS: Readonly<Record<ReviewedFile['decision'], Span>> = {
  accepted: ['green', '  accepted'],
  'left-out': ['yellow', '  left out'],
  undecided: '',
};

type Print = (...spans: readonly Span[]) => void;

export function printReview(review: CageReview, output: Output, withTitle: boolean): void {
  const title = dirTitle(review.cage, review.dir);
  if (withTitle) output.line(['bold', title]);
  for (const file of review.files) {
    printFile(file, (...spans) => output.line(...spans));
    output.line('');
  }
  const { undecided, files, ordinary } = review;
  if (files.length === 0) output.note(`${title}: nothing to decide about, ${count(ordinary, 'ordinary file')}`);
  else {
    const decided = undecided === 0 ? 'all decided' : `${undecided} undecided`;
    output.line(`${count(files.length, 'file')} to look at (${decided}), ${count(ordinary, 'ordinary file')}`);
  }
  if (review.inPlace && files.length > 0)
    output.note('the project is mounted: these files are on this machine already');
  for (const { path, reason } of review.skipped) output.note(['yellow', 'skipped'], `: ${path} (${reason})`);
}

export function printFile(file: ReviewedFile, print: Print): void {
  const moved = file.from === undefined ? '' : `${file.from} → `;
  print(RANKS[file.rank], `  ${moved}`, ['bold', file.path], ` (${file.change})`, DECISIONS[file.decision]);
  for (const finding of file.findings) printFinding(finding, file, print);
}

function printFinding(finding: ReviewedFile['findings'][number], file: ReviewedFile, print: Print): void {
  const apart = finding.decision !== file.decision && finding.decision !== 'undecided';
  print(`    ${finding.class}: ${finding.trigger}; ${finding.when}`, apart ? DECISIONS[finding.decision] : '');
  if (finding.details.length > 0) print(`      ${finding.details.join(', ')}`);
  const width = String(finding.lines.at(-1)?.line ?? '').length;
  for (const { line, text } of finding.lines) print(['dim', `      ${String(line).padStart(width)} `], text);
  if (finding.moreLines > 0) print(['dim', `      and ${count(finding.moreLines, 'more new line')}`]);
}
