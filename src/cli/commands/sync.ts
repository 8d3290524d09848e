// `sync`: what the host changed since the base, into a cage that may be running. Conflicts are listed, and then nothing is done.
import { changeRows, changeTotals } from '../change-rows.ts';
import { chosenDirs, dirTitle, DIR_OPTIONS } from '../chosen-dirs.ts';
import type { Command } from '../command.ts';
import type { Output } from '../output.ts';
import { targetWithPaths } from '../target-cage.ts';
import type { Synced } from '../work-library.ts';

export const sync: Command = {
  kind: 'command',
  name: 'sync',
  summary: 'bring what changed on the host since the base into a cage',
  notes: [
    'Files that only the host changed are written into the cage, running or not, and count as part of its base from then on: diff and apply show the agent’s work alone.',
    'A file that both changed, each in its own way, is a conflict: it is listed, and nothing is done. Name the paths that shall come, or give --force.',
    'Files come, not commits: git inside shows them as changes. Of a mounted project all is in place already.',
  ],
  arguments: [
    { name: 'CAGE', summary: 'default: the cage of the current project', required: false },
    { name: 'PATH', summary: 'files and directories of the host; default: all', required: false, repeatable: true },
  ],
  options: [
    { name: 'force', summary: 'the host’s side wins where both changed a file; the cage’s is lost' },
    { name: 'dry-run', summary: 'show what would come, and touch nothing' },
    ...DIR_OPTIONS,
  ],
  examples: [
    { line: 'ironcage sync', does: 'everything that changed in this project since its cage was made' },
    { line: 'ironcage sync shop src README.md', does: 'only these, into the cage named shop' },
    { line: 'ironcage sync --all --dry-run', does: 'look first, at the further directories as well' },
    { line: 'ironcage sync README.md --force', does: 'in this project’s cage, over what the agent made of it' },
  ],
  handler: async ({ word, words, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const { cage, paths } = await targetWithPaths(opened, session, word('CAGE'), words('PATH'));
    const dirs = await chosenDirs(opened, cage, flags);
    const { library, context } = opened;
    const wish = { paths, force: flags.on('force'), dryRun: flags.on('dry-run') };
    const outcomes: (Synced & { dir: string })[] = [];
    // Conflicts of one directory are seen before anything comes into another.
    if (!dirs.single && !wish.dryRun) {
      for (const dir of dirs.names) {
        const { conflicts } = await library.syncCage(context, cage, { ...wish, dir, dryRun: true });
        if (conflicts.length > 0) await library.syncCage(context, cage, { ...wish, dir });
      }
    }
    for (const dir of dirs.names) outcomes.push({ dir, ...(await library.syncCage(context, cage, { ...wish, dir })) });
    if (output.json) {
      const [first] = outcomes.map(({ dir: _dir, ...outcome }) => outcome);
      output.document(dirs.single ? { cage, ...first } : { cage, directories: outcomes });
    } else for (const outcome of outcomes) printOutcome(dirTitle(cage, outcome.dir), outcome, wish.dryRun, output);
    return 0;
  },
};

function printOutcome(title: string, outcome: Synced, dryRun: boolean, output: Output): void {
  const { files, conflicts, overwritten, leftOut, inPlace } = outcome;
  if (inPlace) return output.note(`${title}: the project is mounted, and what changes on the host is there at once`);
  if (files.length === 0) output.note(`${title}: nothing changed on the host since the base`);
  else {
    output.table(changeRows(files));
    output.line(`${dryRun ? 'would come' : 'came'} into ${title}: ${changeTotals(files)}`);
  }
  for (const { path, kind } of conflicts) output.line(['red', 'conflict'], `: ${path} (${kind})`);
  for (const { path, kind } of overwritten)
    output.line(['yellow', dryRun ? 'would be lost in the cage' : 'lost in the cage'], `: ${path} (${kind})`);
  for (const path of leftOut) output.line(['yellow', 'left out'], `: ${path} (the cage was made without it)`);
}
