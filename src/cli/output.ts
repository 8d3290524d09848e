// The one place that prints. Text is made harmless here, whatever it stems from, before a style is put around it;
// JSON leaves as plain ASCII-safe text. Must not decide anything.
import { StringDecoder } from 'node:string_decoder';
import { styleText } from 'node:util';
import type { Environment } from '../platform/environment.ts';
import { systemErrorCode, type IronError } from '../platform/errors.ts';
import { printable, printableLine } from '../platform/text.ts';
import { formatError, formatErrorJson } from './error-format.ts';
import { createLiveTable } from './live-table.ts';
import { safeJson } from '../platform/safe-json.ts';
import type { Span } from './span.ts';

export interface OutputStream extends NodeJS.WritableStream {
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  rows?: number | undefined;
  writableNeedDrain?: boolean | undefined;
}

export interface OutputOptions {
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  color: boolean;
}

export interface Output {
  /** Whether results are wanted as JSON. */
  readonly json: boolean;
  /** Whether more is wanted than what went wrong. */
  readonly verbose: boolean;
  /** Of the terminal that stdout is; undefined where it is none. */
  readonly columns: number | undefined;
  /** Whether `liveTable` draws anything. */
  readonly live: boolean;
  /** Aborts when nobody reads stdout any more. */
  readonly gone: AbortSignal;
  /** One line of a result, on stdout. */
  line(...spans: readonly Span[]): void;
  /** Text of many lines, on stdout. */
  text(text: string): void;
  /** Text of many lines as bytes that arrive in pieces, on stdout; `write` says whether anybody reads it still. */
  textPieces(): { write(piece: Buffer): Promise<boolean>; end(): void };
  /** Rows with aligned columns, on stdout. */
  table(rows: readonly (readonly Span[])[]): void;
  /** The one JSON document of a command, on stdout. */
  document(value: unknown): void;
  /** One line of JSON Lines, on stdout; resolves when the reader can take more. */
  record(value: unknown): Promise<void>;
  /** A piece of a JSON document that has no control characters left, on stdout; resolves when the reader can take more. */
  piece(text: string): Promise<void>;
  /** Bytes of a result as they are, and as harmless text where stdout is a terminal; resolves when the reader can take more. */
  bytes(contents: Buffer): Promise<void>;
  /** Resolves when the reader of stdout can take more. */
  drained(): Promise<void>;
  /** Progress and summaries for people, on stderr; not with --quiet. */
  note(...spans: readonly Span[]): void;
  /** One JSON line for scripts where stdout is not ours, on stderr. */
  noteDocument(value: unknown): void;
  /** Rows with aligned columns, as `note` prints. */
  noteTable(rows: readonly (readonly Span[])[]): void;
  /** Rows that are drawn over those before them, on stderr at a terminal; nothing elsewhere, with --quiet or --json. None: taken away. */
  liveTable(rows: readonly (readonly Span[])[]): void;
  /** What a question needs to be answered, on stderr, also with --quiet. */
  tell(...spans: readonly Span[]): void;
  /** Rows with aligned columns, as `tell` prints. */
  tellTable(rows: readonly (readonly Span[])[]): void;
  /** A question, without the end of the line. */
  ask(question: string): void;
  failure(error: IronError): void;
}

export interface OutputHost {
  stdout: OutputStream;
  stderr: OutputStream;
  environment: Environment;
}

export function createOutput(host: OutputHost, options: OutputOptions): Output {
  const gone = new AbortController();
  const colorWanted = options.color && !host.environment['NO_COLOR'] && host.environment['TERM'] !== 'dumb';
  const out = createWriter(host.stdout, colorWanted, () => gone.abort());
  const isLive = !options.quiet && !options.json && host.stderr.isTTY === true;
  const live = createLiveTable(host.stderr);
  const err = createWriter(host.stderr, colorWanted, () => undefined, live.clear);
  const drained = async (): Promise<void> => {
    if (gone.signal.aborted || host.stdout.writableNeedDrain !== true) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        host.stdout.off('drain', done);
        gone.signal.removeEventListener('abort', done);
        resolve();
      };
      host.stdout.on('drain', done);
      gone.signal.addEventListener('abort', done);
    });
  };
  return {
    json: options.json,
    verbose: options.verbose,
    columns: host.stdout.isTTY === true ? host.stdout.columns : undefined,
    live: isLive,
    gone: gone.signal,
    line: (...spans) => out.write(`${out.render(spans)}\n`),
    text: (text) => out.write(ensureNewline(printable(text))),
    textPieces: () => {
      const decoder = new StringDecoder('utf8');
      let last = '';
      const put = (text: string): void => {
        if (text === '') return;
        last = text;
        out.write(printable(text));
      };
      return {
        write: async (piece) => {
          put(decoder.write(piece));
          await drained();
          return !gone.signal.aborted;
        },
        end: () => {
          put(decoder.end());
          if (last !== '' && !last.endsWith('\n')) out.write('\n');
        },
      };
    },
    table: (rows) => out.write(renderTable(rows, out)),
    document: (value) => out.write(`${safeJson(value, 2)}\n`),
    record: (value) => {
      out.write(`${safeJson(value)}\n`);
      return drained();
    },
    piece: (text) => {
      out.write(text);
      return drained();
    },
    bytes: (contents) => {
      out.write(host.stdout.isTTY === true ? printable(contents.toString('utf8')) : contents);
      return drained();
    },
    drained,
    note: (...spans) => {
      if (!options.quiet) err.write(`${err.render(spans)}\n`);
    },
    noteDocument: (value) => err.write(`${safeJson(value)}\n`),
    noteTable: (rows) => {
      if (!options.quiet) err.write(renderTable(rows, err));
    },
    liveTable: (rows) => {
      if (!isLive) return;
      if (rows.length === 0) live.clear();
      else {
        const plain = tableLines(rows, PLAIN);
        live.draw(tableLines(rows, err).map((styled, index) => ({ plain: plain[index] ?? '', styled })));
      }
    },
    tellTable: (rows) => err.write(renderTable(rows, err)),
    tell: (...spans) => err.write(`${err.render(spans)}\n`),
    ask: (question) => err.write(`${printableLine(question)} `),
    failure: (error) => {
      if (options.json) err.write(`${safeJson(formatErrorJson(error, options.verbose))}\n`);
      else for (const spans of formatError(error, options.verbose)) err.write(`${err.render(spans)}\n`);
    },
  };
}

interface Writer {
  write(text: string | Buffer): void;
  render: (spans: readonly Span[]) => string;
}

function createWriter(
  stream: OutputStream,
  colorWanted: boolean,
  onGone: () => void,
  before: () => void = () => undefined,
): Writer {
  let closed = false;
  // A reader such as `head` that has seen enough is no failure of ours; any other write error is.
  stream.on('error', (error) => {
    if (systemErrorCode(error) !== 'EPIPE') throw error;
    closed = true;
    onGone();
  });
  const color = colorWanted && stream.isTTY === true;
  const render = (span: Span): string => {
    if (typeof span === 'string') return printableLine(span);
    const text = printableLine(span[1]);
    return color ? styleText(span[0], text, { validateStream: false }) : text;
  };
  return {
    write: (text) => {
      if (closed) return;
      before();
      stream.write(text);
    },
    render: (spans) => spans.map(render).join(''),
  };
}

function ensureNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

const COLUMN_GAP = 2;

const PLAIN: Pick<Writer, 'render'> = {
  render: (spans) => spans.map((span) => printableLine(typeof span === 'string' ? span : span[1])).join(''),
};

function renderTable(rows: readonly (readonly Span[])[], writer: Pick<Writer, 'render'>): string {
  return tableLines(rows, writer)
    .map((line) => `${line}\n`)
    .join('');
}

function tableLines(rows: readonly (readonly Span[])[], { render }: Pick<Writer, 'render'>): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, span] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(span));
  }
  return rows.map((row) =>
    row
      .map((span, column) => {
        const isLast = column === row.length - 1;
        return render([span]) + (isLast ? '' : ' '.repeat((widths[column] ?? 0) - widthOf(span) + COLUMN_GAP));
      })
      .join('')
      .trimEnd(),
  );
}

function widthOf(span: Span): number {
  return Array.from(printableLine(typeof span === 'string' ? span : span[1])).length;
}
