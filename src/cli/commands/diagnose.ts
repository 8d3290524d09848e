// `diagnose`: how the work in a cage stands, and what to do next. The exit code says it to scripts.
import type { Command } from '../command.ts';
import { eventRows } from '../event-rows.ts';
import type { Diagnosis } from '../run-library.ts';
import type { Output } from '../output.ts';
import { endLine, runRows } from '../run-rows.ts';
import { targetCage } from '../target-cage.ts';

/** As those of `outbox --poll`, where they mean the same. */
const EXIT_CODES: Readonly<Record<Diagnosis['verdict'], number>> = {
  'no-runs': 0,
  working: 0,
  done: 0,
  failed: 10,
  waiting: 11,
  stuck: 12,
  stopped: 13,
  gone: 14,
  broken: 14,
};

export const diagnose: Command = {
  kind: 'command',
  name: 'diagnose',
  summary: 'say how the work in a cage stands, and what to do next',
  notes: [
    'Exit codes: 0 it works, is done, or nothing was launched; 10 failed; 11 it asks something; 12 it runs and says nothing; 13 stopped; 14 gone or broken.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  options: [],
  examples: [
    { line: 'ironcage diagnose', does: 'the newest run of this project’s cage, what waits, what was refused' },
    { line: 'ironcage diagnose shop --json', does: 'the same of the cage named shop, for a script' },
  ],
  handler: async ({ word }, session) => {
    const opened = await session.open();
    const cage = await targetCage(opened, session, word('CAGE'));
    const diagnosis = await opened.library.diagnoseCage(opened.context, cage);
    if (session.output.json) session.output.document(diagnosis);
    else print(diagnosis, session.output);
    return EXIT_CODES[diagnosis.verdict];
  },
};

function print(diagnosis: Diagnosis, output: Output): void {
  const { cage, verdict, state, run, otherRuns, lastEvents, unread, change, refused, problems, suggestion } = diagnosis;
  output.line(['bold', cage], `: ${verdict}; the cage is ${state}`);
  if (run !== null) output.table(runRows([run]));
  if (otherRuns > 0) output.line(`${otherRuns} other runs go on`);
  for (const event of lastEvents) {
    if (event.kind === 'end') output.line(...endLine(event.record));
    else if (event.kind === 'event') {
      const options = { time: new Date(event.time), width: output.columns };
      for (const spans of eventRows(event.event, options)) output.line(...spans);
    } else output.line(['dim', event.text]);
  }
  if (change !== null) output.line(`changed: ${change.files} files, +${change.insertions} −${change.deletions}`);
  if (unread.length > 0) output.line(`unread messages: ${unread.map(({ seq, type }) => `#${seq} ${type}`).join(', ')}`);
  for (const { count, method, host, path, remedy } of refused) {
    output.line(['yellow', 'refused'], ` ${count}× ${method} ${host}${path}`);
    if (remedy !== '') output.line(`  to allow it: ${remedy}`);
  }
  for (const problem of problems) output.line(['red', 'cannot be looked at: '], problem);
  output.line(['bold', 'next'], `: ${suggestion}`);
}
