// What a person needs to know when an agent has ended: what changed, what was refused, which secrets went where, what next.
// On stderr: stdout belongs to the agent.
import { changeRows, changeTotals, count } from './change-rows.ts';
import type { RunOutcome } from './library.ts';
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
  if (!outcome.kept) output.note(`the cage ${outcome.cage} was removed`);
  else if (hasFiles(outcome) && outcome.inPlace) {
    output.note(
      ['bold', 'next'],
      `: the files lie in the project already; ironcage diff ${outcome.cage} shows the change`,
    );
  } else if (hasFiles(outcome)) {
    output.note(['bold', 'next'], `: ironcage diff ${outcome.cage}, then ironcage apply ${outcome.cage}`);
  }
}

function hasFiles(outcome: RunOutcome): boolean {
  return outcome.change !== undefined && outcome.change.files.length > 0;
}

function printChange(outcome: RunOutcome, output: Output): void {
  const files = outcome.change?.files ?? [];
  if (files.length === 0) return output.note(['bold', 'changed'], ': nothing');
  output.note(['bold', 'changed'], `: ${changeTotals(files)}`);
  // Files that can run on the host come first: they must not be lost behind the cut.
  const ranked = [...files].sort((a, b) => Number(b.hostExecutable) - Number(a.hostExecutable));
  output.noteTable(changeRows(ranked.slice(0, FILES_SHOWN)).map((row) => ['', ...row]));
  if (ranked.length > FILES_SHOWN)
    output.note(`  and ${ranked.length - FILES_SHOWN} more: ironcage diff ${outcome.cage}`);
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
