// One timeline as lines for people, and as the recording of a terminal that shows them.
import { styleText } from 'node:util';
import { printableLine } from '../platform/text.ts';
import { recordSpans } from './audit-rows.ts';
import { eventRows } from './event-rows.ts';
import type { TimedEntry } from './evidence-library.ts';
import type { Span, Style } from './span.ts';

const LABEL_COLUMNS = 10;
const INDENT = ' '.repeat('HH:MM:SS '.length);

/** Lines of one entry; `width` in columns, undefined: nothing is wrapped. */
export function evidenceRows(entry: TimedEntry, width: number | undefined): Span[][] {
  const time = new Date(entry.timeMs);
  const said = (label: string, style: Style, text: string): Span[][] =>
    text
      .split('\n')
      .map((line, index): Span[] => [
        index === 0 ? ['dim', `${clock(time)} `] : INDENT,
        index === 0 ? [style, label.padEnd(LABEL_COLUMNS)] : ' '.repeat(LABEL_COLUMNS),
        line,
      ]);
  switch (entry.kind) {
    case 'evidence':
      return said('EVIDENCE', 'bold', `${entry.data.cage}: ${entry.data.runs.join(', ')}`);
    case 'run':
      return said('RUN', 'cyan', `${entry.run} ${text(entry.data, 'agent')}`);
    case 'prompt':
      return said('PROMPT', 'bold', entry.data.text.trimEnd());
    case 'agent':
      return eventRows(entry.data, { time, width });
    case 'stderr':
      return said('STDERR', 'dim', entry.data.text);
    case 'note':
      return said('NOTE', 'yellow', entry.data.text);
    case 'network': {
      const { decision, end } = entry.data;
      // The end of an exchange says what its decision could not know; what went well is told with that.
      if (end?.outcome === 'complete') return [];
      const [, ...spans] = recordSpans(entry.data);
      const label: Span =
        decision === 'deny' ? ['red', 'REFUSED'.padEnd(LABEL_COLUMNS)] : ['dim', 'NET'.padEnd(LABEL_COLUMNS)];
      return [[['dim', `${clock(time)} `], label, ...spans]];
    }
    case 'message':
      return said(
        'MESSAGE',
        'cyan',
        `${text(entry.data, 'from')} ${text(entry.data, 'type')}: ${payloadOf(entry.data)}`,
      );
    case 'commit':
      return said('COMMIT', 'green', `${entry.data.commit.slice(0, 12)} ${entry.data.subject}`);
    case 'end':
      return said('END', 'cyan', `${entry.run} ${text(entry.data, 'status')}${reasonOf(entry.data)}`);
    case 'seal':
      return said('SEAL', 'bold', `${entry.data.records} records`);
    default:
      return entry satisfies never;
  }
}

const CAST_COLUMNS = 120;
const CAST_ROWS = 40;

/** The same as a recording that asciinema plays, version 2 of its format, piece by piece. */
export async function* castOf(entries: AsyncIterable<TimedEntry>): AsyncGenerator<string, void, undefined> {
  let beganMs: number | undefined;
  let last = 0;
  for await (const entry of entries) {
    // Head and seal carry the time of the writing, not of what happened.
    if (entry.kind === 'evidence') {
      const title = `ironcage: ${entry.data.cage}`;
      const timestamp = Math.floor(Date.parse(entry.data.from) / 1000);
      yield `${JSON.stringify({ version: 2, width: CAST_COLUMNS, height: CAST_ROWS, timestamp, title })}\n`;
      continue;
    }
    if (entry.kind === 'seal') continue;
    beganMs ??= entry.timeMs;
    // A player takes events in order only.
    last = Math.max(last, (entry.timeMs - beganMs) / 1000);
    for (const row of evidenceRows(entry, CAST_COLUMNS)) {
      yield `${JSON.stringify([last, 'o', `${row.map(render).join('')}\r\n`])}\n`;
    }
  }
}

function render(span: Span): string {
  if (typeof span === 'string') return printableLine(span);
  return styleText(span[0], printableLine(span[1]), { validateStream: false });
}

function clock(time: Date): string {
  return time.toTimeString().slice(0, 8);
}

function text(data: object, name: string): string {
  const value: unknown = Reflect.get(data, name);
  return typeof value === 'string' ? value : '';
}

function payloadOf(data: object): string {
  return JSON.stringify(Reflect.get(data, 'payload')) ?? '';
}

function reasonOf(data: object): string {
  const reason: unknown = Reflect.get(data, 'reason');
  const message = typeof reason === 'object' && reason !== null ? text(reason, 'message') : '';
  return message === '' ? '' : `: ${message}`;
}
