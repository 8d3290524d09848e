// What a person needs to know when an agent has ended: what changed, what was refused, which secrets went where, what next.
// On stderr: stdout belongs to the agent.
import { changeRows, changeTotals, count } from './change-rows.ts';
import type { DiffFile, RunOutcome } from './library.ts';
import type { Output } from './output.ts';

const FILES_SHOWN = 30;
const REFUSALS_SHOWN = 20;

export function printRunSummary(outcome: RunOutcome, output: Output): void {
  if (output.json) return output.noteDocument(outcome);
  output.note('');
  printChange(outcome, output);
  printRefused(outcome, output);
  for (const secret of outcome.secretsUsed) {
    output.note(['bold', 'secret used'], `: ${secret.name} at ${secret.host}, ${count(secret.count, 'request')}`);
  }
  const all = outcome.further.length === 0 ? '' : ' --all';
  if (!outcome.kept) output.note(`the cage ${outcome.cage} was removed`);
  else if (hasFiles(outcome) && outcome.inPlace) {
    output.note(
      ['bold', 'next'],
      `: the files lie in the project already; ironcage diff ${outcome.cage}${all} shows the change`,
    );
  } else if (hasFiles(outcome)) {
    output.note(['bold', 'next'], `: ironcage diff ${outcome.cage}${all}, then ironcage apply ${outcome.cage}${all}`);
  }
}

function hasFiles({ change, further }: RunOutcome): boolean {
  return further.length > 0 || (change !== undefined && change.files.length > 0);
}

function printChange(outcome: RunOutcome, output: Output): void {
  const files = outcome.change?.files ?? [];
  if (files.length > 0 || outcome.further.length === 0) printFiles(outcome.cage, '', files, output);
  for (const { dir = '', files: changed } of outcome.further) printFiles(outcome.cage, dir, changed, output);
}

function printFiles(cage: string, dir: string, files: readonly DiffFile[], output: Output): void {
  const where = dir === '' ? '' : ` in ${dir}`;
  if (files.length === 0) return output.note(['bold', 'changed'], ': nothing');
  output.note(['bold', `changed${where}`], `: ${changeTotals(files)}`);
  // Files that can run on the host come first: they must not be lost behind the cut.
  const ranked = [...files].sort((a, b) => Number(b.hostExecutable) - Number(a.hostExecutable));
  output.noteTable(changeRows(ranked.slice(0, FILES_SHOWN)).map((row) => ['', ...row]));
  if (ranked.length > FILES_SHOWN)
    output.note(`  and ${ranked.length - FILES_SHOWN} more: ironcage diff ${cage}${dir === '' ? '' : ` --dir ${dir}`}`);
}

function printRefused(outcome: RunOutcome, output: Output): void {
  const { refused } = outcome;
  const total = refused.reduce((sum, { count: times }) => sum + times, 0);
  if (total === 0) return output.note(['bold', 'refused'], `: nothing (${count(outcome.requests, 'request')})`);
  output.note(['bold', 'refused'], `: ${total} of ${count(outcome.requests, 'request')}`);
  for (const item of refused.slice(0, REFUSALS_SHOWN)) {
    output.note('  ', ['red', `${item.count}×`], ` ${item.method} ${item.host}${item.path} by ${item.rule}`);
    if (item.remedy !== '') output.note('     to allow it: ', ['cyan', item.remedy]);
  }
  if (refused.length > REFUSALS_SHOWN) {
    output.note(`  and ${refused.length - REFUSALS_SHOWN} more: ironcage audit ${outcome.cage} --decision deny`);
  }
}
