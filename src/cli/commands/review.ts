// `review`: what of a cage's change can run on this machine or mislead, ranked, with what triggers it; accepted or left out by file or
// by class. Decides nothing by itself and never changes the cage.
import { chosenDirs, DIR_OPTIONS } from '../chosen-dirs.ts';
import type { Command, Opened } from '../command.ts';
import type { CageReview } from '../review-library.ts';
import { printReview } from '../review-rows.ts';
import { targetCage } from '../target-cage.ts';

export const review: Command = {
  kind: 'command',
  name: 'review',
  summary: 'rank what in a change can run on this machine, and decide about it',
  notes: [
    'Each file with what triggers it, when, and the lines that matter. At a terminal each one that is undecided is asked about.',
    '`ironcage apply` takes what was accepted without a second question and leaves out what was left out.',
    'A decision holds for the contents as they are when it is taken: when the file changes, it is undecided again.',
    'A PATH is one file; with a slash at its end all below; with * and ** a pattern for the whole path. The classes: docs/review.md.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    {
      name: 'accept',
      value: 'PATH|CLASS',
      repeatable: true,
      summary: 'take these files, or what is found of this class',
    },
    {
      name: 'leave-out',
      value: 'PATH|CLASS',
      repeatable: true,
      summary: 'leave these in the cage; counts over --accept',
    },
    { name: 'reset', summary: 'forget first what was decided before' },
    { name: 'list', summary: 'only show, ask nothing' },
    { name: 'exit-code', summary: 'exit with 1 when something is undecided' },
    ...DIR_OPTIONS,
  ],
  examples: [
    { line: 'ironcage review', does: 'look at what the agent of this project left, and decide' },
    { line: 'ironcage review shop --accept ci --leave-out .envrc', does: 'decide by class and by file' },
    { line: 'ironcage review shop --list --exit-code --json', does: 'for a script: 1 while something is undecided' },
  ],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const { library, context } = opened;
    const name = await targetCage(opened, session, word('CAGE'));
    const dirs = await chosenDirs(opened, name, flags);
    const request = { accept: flags.list('accept'), leaveOut: flags.list('leave-out'), reset: flags.on('reset') };
    const decides = request.reset || request.accept.length + request.leaveOut.length > 0;
    let reviews: readonly CageReview[] = await (decides
      ? library.decideReview(context, name, request, dirs.names)
      : reviewAll(opened, name, dirs.names));
    const [first] = reviews;
    if (output.json) output.document(dirs.single ? first : { cage: name, directories: reviews.map(withDir) });
    else {
      for (const each of reviews) printReview(each, output, !dirs.single);
      if (session.interactive && !decides && !flags.on('list') && reviews.some(({ undecided }) => undecided > 0)) {
        const { decideAtTerminal } = await import('../review-session.ts');
        reviews = await decideAtTerminal(opened, session, reviews);
      }
    }
    return flags.on('exit-code') && reviews.some(({ undecided }) => undecided > 0) ? 1 : 0;
  },
};

async function reviewAll({ library, context }: Opened, name: string, dirs: readonly string[]): Promise<CageReview[]> {
  const reviews: CageReview[] = [];
  for (const dir of dirs) reviews.push(await library.reviewCage(context, name, dir));
  return reviews;
}

function withDir(review: CageReview): object {
  return { dir: '', ...review };
}
