// `diff`: what the agent changed against the recorded base. Never changes the cage.
import { changeRows, changeTotals, count } from '../change-rows.ts';
import { chosenDirs, dirTitle, DIR_OPTIONS } from '../chosen-dirs.ts';
import type { Command } from '../command.ts';
import type { CageDiff, LanguageTotal } from '../library.ts';
import type { Output } from '../output.ts';
import type { Span } from '../span.ts';
import { targetCage } from '../target-cage.ts';

export const diff: Command = {
  kind: 'command',
  name: 'diff',
  summary: 'show what the agent changed against the recorded base',
  notes: ['Files that can run on the host once they are applied are marked with !.'],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [
    { name: 'full', conflicts: ['stat'], summary: 'the whole change as a patch' },
    { name: 'stat', summary: 'lines per file, as git diff --stat has it, and by language' },
    { name: 'exit-code', summary: 'exit with 1 when there is a change' },
    ...DIR_OPTIONS,
  ],
  examples: [
    { line: 'ironcage diff', does: 'one line a file' },
    { line: 'ironcage diff --stat', does: 'lines per file, then files and lines per language' },
    { line: 'ironcage diff shop --full', does: 'every line that changed in the cage named shop' },
    { line: 'ironcage diff shop --all', does: 'the project and every further directory of the cage' },
    { line: 'ironcage diff --exit-code --json', does: 'for a script: the files, and 1 when there are any' },
  ],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    const opened = await session.open();
    const { library, context } = opened;
    const name = await targetCage(opened, session, word('CAGE'));
    const dirs = await chosenDirs(opened, name, flags);
    const changes: (CageDiff & { languages?: readonly LanguageTotal[] })[] = [];
    for (const dir of dirs.names) {
      const change = await library.diffCage(context, name, dir);
      changes.push(flags.on('stat') ? { ...change, languages: await library.languageTotals(change.files) } : change);
    }
    const [first] = changes;
    if (output.json)
      output.document(
        dirs.single ? first : { cage: name, directories: changes.map((change) => ({ dir: '', ...change })) },
      );
    else {
      const style = flags.on('full') ? 'full' : flags.on('stat') ? 'stat' : undefined;
      for (const change of changes) {
        if (!dirs.single && change.files.length > 0) output.line(['bold', dirTitle(name, change.dir)]);
        if (style !== undefined && change.files.length > 0) {
          const text = output.textPieces();
          await library.diffCageText(context, change, style, (piece) => text.write(piece));
          text.end();
          printSkipped(change, output);
        } else printChange(change, output);
        if (change.files.length > 0) output.table(languageRows(change.languages ?? []));
      }
    }
    return flags.on('exit-code') && changes.some(({ files }) => files.length > 0) ? 1 : 0;
  },
};

function languageRows(languages: readonly LanguageTotal[]): Span[][] {
  return languages.map(({ language, files, insertions, deletions }) => [
    language,
    count(files, 'file'),
    ['green', `+${insertions}`],
    ['red', `−${deletions}`],
  ]);
}

function printChange(change: CageDiff, output: Output): void {
  const { cage, dir, files } = change;
  if (files.length === 0) output.note(`${dirTitle(cage, dir)}: no change against its base`);
  else {
    output.table(changeRows(files));
    output.line(changeTotals(files));
  }
  printSkipped(change, output);
}

function printSkipped({ skipped }: CageDiff, output: Output): void {
  for (const { path, reason } of skipped) output.note(['yellow', 'skipped'], `: ${path} (${reason})`);
}
