// `doctor`: what this machine lacks, what a crash left behind, and what to do about it.
import type { Command } from '../command.ts';
import type { Span } from '../span.ts';

const STATUS_SPANS: Readonly<Record<'ok' | 'warn' | 'fail', Span>> = {
  ok: ['green', 'ok  '],
  warn: ['yellow', 'warn'],
  fail: ['red', 'fail'],
};
const MACHINE_IS_NOT_READY = 125;

export const doctor: Command = {
  kind: 'command',
  name: 'doctor',
  summary: 'check this machine and repair what a crash left behind',
  notes: ['Exit code 125 when a cage cannot be run here.'],
  arguments: [],
  options: [{ name: 'fix', summary: 'repair what can be repaired' }],
  examples: [
    { line: 'ironcage doctor', does: 'look, change nothing' },
    { line: 'ironcage doctor --fix', does: 'clean up after a crash' },
  ],
  handler: async ({ flags }, { output, open }) => {
    const { library, context } = await open();
    const result = await library.doctor(context, { fix: flags.on('fix') });
    if (output.json) output.document(result);
    else {
      for (const check of result.checks) {
        output.line(STATUS_SPANS[check.status], `  ${check.id}: ${check.what}`);
        if (check.status !== 'ok' && check.hint !== '') output.line('      try: ', check.hint);
      }
      for (const repaired of result.repaired) output.line(['green', 'repaired'], `: ${repaired}`);
    }
    return result.ok ? 0 : MACHINE_IS_NOT_READY;
  },
};
