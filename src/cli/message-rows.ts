// A message for people: a line that is ours, and below it what was said, set off line by line, so that text from inside a cage
// cannot pass for a line of ironcage's.
import type { Message } from './message-library.ts';
import type { Span, Style } from './span.ts';

const STYLES: Readonly<Record<string, Style>> = {
  task_complete: 'green',
  question: 'yellow',
  info_request: 'yellow',
  going_idle: 'yellow',
  error: 'red',
  exited: 'red',
};
const SENDERS = { cage: 'from inside, unverified', user: 'sent into the cage', host: 'ironcage' } as const;
/** Said first and without their names, in the order in which they are read. */
const SPOKEN = ['text', 'summary', 'status', 'message', 'description', 'instructions', 'content', 'reason', 'detail'];

export function messageLines({ seq, time, type, from, id, replyTo, run, payload }: Message): (readonly Span[])[] {
  const about = [
    SENDERS[from],
    ...(run === undefined ? [] : [`run ${run}`]),
    ...(replyTo === undefined ? [] : [`answers ${replyTo}`]),
  ];
  const fields = Object.entries(payload);
  const spoken = SPOKEN.flatMap((name) => fields.filter(([key]) => key === name)).map(([, value]) => textOf(value));
  const others = fields.filter(([key]) => !SPOKEN.includes(key)).map(([key, value]) => `${key}: ${textOf(value)}`);
  const body = [...spoken, ...others].flatMap((text) => text.split('\n'));
  return [
    [
      ...[['dim', `#${seq} ${time.slice(11, 19)} `] as const, [STYLES[type] ?? 'bold', type] as const],
      ['dim', `  ${about.join(', ')} · ${id}`],
    ],
    ...body.map((line) => [['dim', '  │ '], line] as const),
  ];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
