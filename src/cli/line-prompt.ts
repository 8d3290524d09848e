// Lines that a person types while questions come and go. What is typed when nothing is asked is dropped: an answer must not
// meet a question that was not on the screen yet.
import { StringDecoder } from 'node:string_decoder';
import type { InputStream } from './host.ts';

export interface LinePrompt {
  /** The next line, trimmed; undefined when the input has ended or `signal` aborts. */
  next(signal: AbortSignal): Promise<string | undefined>;
  close(): void;
}

/** Nobody types a longer answer. */
const MAX_LINE_CHARACTERS = 4096;

export function openLinePrompt(stdin: InputStream): LinePrompt {
  const decoder = new StringDecoder('utf8');
  let line = '';
  let hasEnded = false;
  let waiting: ((line: string | undefined) => void) | undefined;
  const settle = (value: string | undefined): void => {
    const resolve = waiting;
    waiting = undefined;
    resolve?.(value);
  };
  const forget = (): void => settle(undefined);
  const onData = (chunk: Buffer | string): void => {
    const pieces = (line + (typeof chunk === 'string' ? chunk : decoder.write(chunk))).split('\n');
    line = (pieces.pop() ?? '').slice(0, MAX_LINE_CHARACTERS);
    // Of several lines at once only the first was typed to what is asked now.
    const [first] = pieces;
    if (first !== undefined) settle(first.trim());
  };
  const onEnd = (): void => {
    hasEnded = true;
    forget();
  };
  stdin.on('data', onData).on('end', onEnd).on('error', onEnd);
  stdin.resume();
  return {
    next(signal) {
      if (hasEnded || signal.aborted) return Promise.resolve(undefined);
      line = '';
      return new Promise((resolve) => {
        signal.addEventListener('abort', forget, { once: true });
        waiting = (value) => {
          signal.removeEventListener('abort', forget);
          resolve(value);
        };
      });
    },
    close() {
      stdin.off('data', onData).off('end', onEnd).off('error', onEnd).pause();
    },
  };
}
