// Prints a run as it is told: readable, as JSON Lines, or as the bytes that its agent wrote.
import { setFlagsFromString } from 'node:v8';
import type { Opened, Session } from './command.ts';
import type { RunEvent, RunInfo } from './run-library.ts';
import { eventRows } from './event-rows.ts';
import { endLine } from './run-rows.ts';

export interface ShowOptions {
  raw: boolean;
  /** Go on until the run has ended. */
  follow: boolean;
  /** Only the last so many events. */
  last?: number | undefined;
}

/** Resolves with the run as it was at the end of what was shown. */
export async function showRun(
  { library, context }: Opened,
  { output }: Session,
  run: string,
  { raw, follow, last }: ShowOptions,
): Promise<RunInfo> {
  // Of the many small things that a long stream is made of nearly all are gone at once: young memory that may grow is only more of it.
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--max-semi-space-size=1');
  const options = { signal: output.gone, once: !follow };
  if (raw) {
    for await (const piece of library.followBytes(context, run, options)) await output.bytes(piece);
    return library.findRun(context, run);
  }
  for await (const event of library.followRun(context, run, { ...options, last })) {
    if (output.json) await output.record(event);
    else {
      print(event, output);
      await output.drained();
    }
  }
  return library.findRun(context, run);
}

function print(event: RunEvent, output: Session['output']): void {
  switch (event.kind) {
    case 'event':
      for (const spans of eventRows(event.event, { time: new Date(event.time), width: output.columns }))
        output.line(...spans);
      return;
    case 'stderr':
      output.tell(['dim', event.text]);
      return;
    case 'note':
      output.note(['yellow', event.text]);
      return;
    case 'end':
      output.note(...endLine(event.record));
      return;
    default:
      event satisfies never;
  }
}
