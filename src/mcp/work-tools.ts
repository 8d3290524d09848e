// Tools that look at what an agent changed and take it over. A file that can run on the host is taken only where it was named: who
// says yes to everything says yes to what an agent hid.
import * as z from 'zod';
import {
  applyDecided,
  diffCage,
  diffCageText,
  IronError,
  keepReport,
  reviewCage,
  type ApplyView,
  type CageDiff,
  type CageReview,
} from '../index.ts';
import { CAGE } from './cage-tools.ts';
import type { AddTool } from './tool.ts';

const DIR = z.string().default('').describe('a further directory of the cage, by its name; default: the project');

export function addWorkTools(add: AddTool): void {
  add({
    name: 'diff',
    title: 'What the agent changed',
    description:
      'The change of a cage against its base, file by file; the whole of it is written to a file that you can read in parts.',
    readOnly: true,
    input: z.strictObject({ cage: CAGE, dir: DIR }),
    async call({ cage, dir }, { context, ...call }) {
      const name = await call.cage(cage);
      const diff = await diffCage(context, name, dir);
      const { files } = diff;
      const facts = {
        ...{ cage: name, changedFiles: files.length },
        insertions: files.reduce((sum, file) => sum + file.insertions, 0),
        deletions: files.reduce((sum, file) => sum + file.deletions, 0),
        needReview: files.filter(({ hostExecutable }) => hostExecutable).length,
        ...(diff.skipped.length === 0 ? {} : { notPartOfTheChange: diff.skipped.length }),
      };
      if (files.length === 0) return { facts };
      const path = await keepReport(context, name, 'change.diff', (write) =>
        diffCageText(context, diff, 'full', write),
      );
      return { facts, fromCage: changeLines(files), files: [{ path, title: 'the whole change, made printable' }] };
    },
  });
  add({
    name: 'review',
    title: 'What of the change could run on this machine',
    description:
      'Files of the change that could run on the host or mislead who looks at them, the gravest first, with what triggers each. Look at it before `apply`; `apply` takes such a file only where it is named.',
    readOnly: true,
    input: z.strictObject({ cage: CAGE, dir: DIR }),
    async call({ cage, dir }, { context, ...call }) {
      const name = await call.cage(cage);
      const review = await reviewCage(context, name, dir);
      const { files, ordinary, undecided } = review;
      const facts = { cage: name, findings: files.length, undecided, ordinaryFiles: ordinary };
      if (files.length === 0) return { facts };
      const text = reviewLines(review);
      const path = await keepReport(context, name, 'review.txt', (write) => write(Buffer.from(text)));
      return { facts, fromCage: text, files: [{ path, title: 'all findings' }] };
    },
  });
  add({
    name: 'apply',
    title: 'Take the change over',
    description:
      'Puts the change of a cage onto a new branch of the project, or into its work tree when that is asked for. All of it or nothing. Files that can run on the host are refused unless each is named in `accept`, or `others` says to leave them in the cage.',
    destructive: true,
    input: z.strictObject({
      cage: CAGE,
      dir: DIR,
      branch: z.string().optional().describe('name of the new branch; default: ironcage/ with the cage and the time'),
      workingTree: z
        .boolean()
        .default(false)
        .describe('into the work tree instead of a branch; only when the user asked for it'),
      accept: z
        .array(z.string())
        .default([])
        .describe(
          'paths, exactly as `review` names them, of files that can run on the host and that you have looked at',
        ),
      others: z
        .enum(['refuse', 'leave-out'])
        .default('refuse')
        .describe('what becomes of such files that are not named: everything is refused, or they stay in the cage'),
    }),
    async call({ cage, dir, branch, workingTree, accept, others }, { context, ...call }) {
      const name = await call.cage(cage);
      if (workingTree && branch !== undefined) {
        throw new IronError('E_USAGE', {
          message: 'branch and workingTree exclude each other',
          hint: 'leave one of them out',
        });
      }
      const target = workingTree ? 'working-tree' : { branch: branch ?? freshBranch(name, context.clock.now()) };
      const { plan, outcome } = await applyDecided(context, name, { dir, target }, (seen) => ({
        ...{ hostExecutable: 'accept', shown: namedFiles(seen, accept, name), notShown: others },
      }));
      const done = outcome ?? { applied: [], leftOut: [] };
      return {
        facts: {
          ...{ cage: name, applied: done.applied.length, leftOut: done.leftOut.length },
          ...(done.branch === undefined ? { to: 'working tree' } : { branch: done.branch, commit: done.commit }),
          ...(plan.inPlace ? { note: 'the project is mounted: the work was there already' } : {}),
        },
        fromCage: done.leftOut.map((path) => `left out: ${path}`).join('\n'),
      };
    },
  });
}

function freshBranch(cage: string, nowMs: number): string {
  const time = new Date(nowMs).toISOString().replace(/\D/g, '').slice(0, 14);
  return `ironcage/${cage}-${time}`;
}

/** Throws E_USAGE for a path that is no such file: a yes to what is not there is a misunderstanding. */
function namedFiles(plan: ApplyView, accept: readonly string[], cage: string): ApplyView['hostExecutable'] {
  const unknown = accept.find((path) => !plan.hostExecutable.some((file) => file.path === path));
  if (unknown === undefined) return plan.hostExecutable.filter(({ path }) => accept.includes(path));
  throw new IronError('E_USAGE', {
    message: `${JSON.stringify(unknown)} is no file of the change of ${cage} that can run on the host`,
    hint: 'write paths as `review` names them, or leave it out: other files need no yes',
  });
}

const LETTERS = { added: 'A', modified: 'M', deleted: 'D', renamed: 'R', mode: 'X' } as const;

function changeLines(files: CageDiff['files']): string {
  // Those that can run on the host come first: they must not be lost behind the cut.
  const ranked = [...files].sort((a, b) => Number(b.hostExecutable) - Number(a.hostExecutable));
  return ranked
    .map(({ path, from, change, binary, insertions, deletions, hostExecutable }) =>
      [
        LETTERS[change],
        JSON.stringify(from === undefined ? path : `${from} → ${path}`).slice(1, -1),
        binary ? 'binary' : `+${insertions} −${deletions}`,
        ...(hostExecutable ? ['(needs a review)'] : []),
      ].join(' '),
    )
    .join('\n');
}

function reviewLines({ files }: CageReview): string {
  return files
    .map(({ path, rank, change, decision, findings }) =>
      [
        `${JSON.stringify(path)} (${rank}, ${change}, ${decision})`,
        ...findings.flatMap((finding) => [
          `  ${finding.class}: ${finding.trigger}, ${finding.when}`,
          ...finding.details.map((detail) => `    ${detail}`),
          ...finding.lines.map(({ line, text }) => `    ${line}: ${text}`),
          ...(finding.moreLines === 0 ? [] : [`    … ${finding.moreLines} new lines more`]),
        ]),
      ].join('\n'),
    )
    .join('\n');
}
