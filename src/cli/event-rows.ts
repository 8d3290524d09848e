// What an agent says as lines for people: when, what kind, and the text, wrapped to the width and whole. All of it comes from
// inside a cage: it is made harmless before it is measured, so that a line is as long as it looks. Pure.
import { printable } from '../platform/text.ts';
import type { AgentEvent } from '../index.ts';
import type { Span, Style } from './span.ts';

export interface EventRowOptions {
  /** When it was said, by this machine's clock. */
  time: Date;
  /** Columns of the terminal; where there is none, nothing is wrapped. */
  width?: number | undefined;
  /** Of the run so far; told with its end. */
  used?: { inputTokens: number; outputTokens: number; costUsd?: number | null | undefined } | undefined;
}

/** `HH:MM:SS `, and the longest label with its gap. */
const TIME_COLUMNS = 9;
const LABEL_COLUMNS = 10;
/** On anything narrower a word a line would be left of the text. */
const MIN_TEXT_COLUMNS = 20;
const MAX_LINES = 2000;
const MAX_CHARACTERS = 256 * 1024;
const TAB = '    ';

export function eventRows(event: AgentEvent, options: EventRowOptions): Span[][] {
  switch (event.type) {
    case 'session':
      return rows(
        options,
        'INIT',
        'cyan',
        `session ${event.sessionId}${event.model === undefined ? '' : `, ${event.model}`}`,
      );
    case 'thinking':
      return rows(options, 'THINKING', 'dim', event.text === '' ? '(not shown)' : event.text, 'dim');
    case 'text':
      return rows(options, 'AGENT', 'bold', event.text);
    case 'tool-call':
      return rows(options, 'TOOL', 'yellow', `${event.name}${callText(event.input)}`);
    case 'tool-result':
      return event.isError
        ? rows(options, 'ERROR', 'red', event.output.trim() === '' ? '(nothing)' : event.output, 'red')
        : rows(options, 'RESULT', 'dim', event.output.trim() === '' ? '(nothing)' : event.output, 'dim');
    // Told with the end: a line for every answer would be most of what is seen.
    case 'usage':
      return [];
    case 'notice':
      return rows(options, 'NOTICE', 'yellow', event.text);
    case 'done':
      return doneRows(event, options);
    case 'unknown':
      return rows(options, 'OTHER', 'dim', `${event.kind}: ${event.raw}`, 'dim');
    default:
      return event satisfies never;
  }
}

function doneRows(event: Extract<AgentEvent, { type: 'done' }>, options: EventRowOptions): Span[][] {
  const { used } = options;
  const facts = [
    ...(used === undefined ? [] : [`${used.inputTokens} tokens in, ${used.outputTokens} out`]),
    ...(typeof used?.costUsd === 'number' ? [`$${used.costUsd.toFixed(4)}`] : []),
    ...(event.durationMs === undefined ? [] : [`${(event.durationMs / 1000).toFixed(1)} s`]),
    ...(event.turns === undefined ? [] : [`${event.turns} ${event.turns === 1 ? 'turn' : 'turns'}`]),
  ].join(', ');
  // What it said last stands above already, unless it is why it failed.
  const text = event.isError ? (event.text ?? 'it failed') : '';
  const lines = [text, facts].filter((line) => line !== '').join('\n');
  return event.isError ? rows(options, 'FAILED', 'red', lines) : rows(options, 'DONE', 'green', lines);
}

/** Fields that say best what a call is about, in the words of the agents' tools. */
const TELLING = [
  'command',
  'cmd',
  'file_path',
  'filePath',
  'absolute_path',
  'pattern',
  'path',
  'dir_path',
  'query',
  'url',
  'prompt',
  'description',
  'skill',
];

function callText(input: unknown): string {
  if (typeof input !== 'object' || input === null) return input === undefined ? '' : `: ${compact(input)}`;
  const fields = new Map(Object.entries(input));
  const changes = fields.get('changes');
  if (Array.isArray(changes)) return `: ${changes.map((change) => pathOf(change)).join(', ')}`;
  const key = TELLING.find((name) => typeof fields.get(name) === 'string' && fields.get(name) !== '');
  if (key === undefined) return fields.size === 0 ? '' : `: ${compact(input)}`;
  const value = String(fields.get(key));
  const place = ['path', 'dir_path', 'file_path']
    .map((name) => fields.get(name))
    .find((text) => typeof text === 'string');
  if (key === 'pattern' && typeof place === 'string') return `: ${value} in ${place}`;
  return `: ${value}`;
}

function pathOf(change: unknown): string {
  if (typeof change !== 'object' || change === null) return compact(change);
  const { kind, path } = { kind: '', path: '', ...change };
  return `${kind} ${path}`.trim();
}

function compact(value: unknown): string {
  return JSON.stringify(value) ?? '';
}

/** Whole, but for what nobody reads in a terminal; the stream as it was recorded has all of it. */
function upToLimit(text: string): string {
  const lines = text.slice(0, MAX_CHARACTERS).trimEnd().split('\n');
  const more = [
    ...(lines.length > MAX_LINES ? [`${lines.length - MAX_LINES} more lines`] : []),
    ...(text.length > MAX_CHARACTERS ? [`${text.length - MAX_CHARACTERS} more characters`] : []),
  ];
  const shown = lines.slice(0, MAX_LINES).join('\n');
  return more.length === 0 ? shown : `${shown}\n… ${more.join(' and ')}`;
}

function rows(
  { time, width }: EventRowOptions,
  label: string,
  style: Style,
  text: string,
  textStyle?: Style,
): Span[][] {
  const columns = width === undefined ? undefined : Math.max(MIN_TEXT_COLUMNS, width - TIME_COLUMNS - LABEL_COLUMNS);
  const lines = printable(upToLimit(text))
    .replaceAll('\t', TAB)
    .split('\n')
    .flatMap((line) => (columns === undefined ? [line] : wrap(line, columns)));
  return lines.map((line, index): Span[] => [
    index === 0 ? (['dim', `${clock(time)} `] as const) : ' '.repeat(TIME_COLUMNS),
    index === 0 ? ([style, label.padEnd(LABEL_COLUMNS)] as const) : ' '.repeat(LABEL_COLUMNS),
    textStyle === undefined ? line : ([textStyle, line] as const),
  ]);
}

function clock(time: Date): string {
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

/** Breaks at the last blank that fits, else anywhere; indentation stays with the first piece. */
function wrap(line: string, columns: number): string[] {
  const lines: string[] = [];
  let current: string[] = [];
  let used = 0;
  let blank = -1;
  for (const character of line) {
    const size = columnsOf(character);
    if (used + size > columns) {
      if (character === ' ' && current.some((each) => each !== ' ')) {
        lines.push(current.join(''));
        [current, used, blank] = [[], 0, -1];
        continue;
      }
      const isInText = blank > 0 && current.slice(0, blank).some((each) => each !== ' ');
      const end = isInText ? blank : current.length;
      lines.push(current.slice(0, end).join(''));
      current = current.slice(isInText ? end + 1 : end);
      used = current.reduce((sum, each) => sum + columnsOf(each), 0);
      blank = current.lastIndexOf(' ');
    }
    if (character === ' ') blank = current.length;
    current.push(character);
    used += size;
  }
  return [...lines, current.join('')];
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u;
const NO_WIDTH = /[\p{Mn}\p{Me}]/u;

/** As terminals have it. */
function columnsOf(character: string): number {
  if (character < '\u0300') return 1;
  return NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}
