// Questions to the person at the terminal. Asked on stderr, so that stdout stays the result's; an ended input is a no.
import type { Session } from './command.ts';
import { StringDecoder } from 'node:string_decoder';
import { IronError } from '../platform/errors.ts';
import type { InputStream } from './host.ts';

/** A yes or no; everything but `y` or `yes` is a no. */
export async function confirm(session: Session, question: string): Promise<boolean> {
  session.output.ask(`${question} [y/N]`);
  return /^y(es)?$/i.test((await readLine(session.stdin)).trim());
}

/** A yes that must be typed in full: for what cannot be undone. */
export async function confirmTyped(session: Session, question: string): Promise<boolean> {
  session.output.ask(`${question} Type yes to go on:`);
  return (await readLine(session.stdin)).trim() === 'yes';
}

/** One line of text that does not show while it is typed. */
export async function readHidden(session: Session, question: string): Promise<string> {
  const { stdin } = session;
  session.output.ask(question);
  stdin.setRawMode?.(true);
  try {
    return await collectKeys(stdin);
  } finally {
    stdin.setRawMode?.(false);
    stdin.pause();
    session.output.tell('');
  }
}

/** Everything on a piped stdin. `limitBytes` bounds what is held in memory. */
export async function readPiped(stdin: InputStream, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    size += bytes.length;
    if (size > limitBytes) {
      throw new IronError('E_USAGE', {
        message: 'the text on stdin is too long',
        because: `at most ${limitBytes} bytes are read`,
        hint: 'pipe only the value itself',
      });
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readLine(stdin: InputStream): Promise<string> {
  return new Promise((resolve, reject) => {
    const decoder = new StringDecoder('utf8');
    let line = '';
    const finish = (): void => {
      stdin.off('data', onData).off('end', finish).off('error', reject).pause();
      resolve(line);
    };
    const onData = (chunk: Buffer | string): void => {
      const text = typeof chunk === 'string' ? chunk : decoder.write(chunk);
      const end = text.indexOf('\n');
      line += end === -1 ? text : text.slice(0, end);
      if (end === -1) return;
      const rest = text.slice(end + 1);
      finish();
      if (rest !== '') stdin.unshift(Buffer.from(rest));
    };
    stdin.on('data', onData).on('end', finish).on('error', reject);
    stdin.resume();
  });
}

const INTERRUPT = '\u0003';
const END_OF_INPUT = '\u0004';
const CLEAR_LINE = '\u0015';

function collectKeys(stdin: InputStream): Promise<string> {
  return new Promise((resolve, reject) => {
    const decoder = new StringDecoder('utf8');
    let value: string[] = [];
    const stop = (): void => {
      stdin.off('data', onData).off('end', onEnd).off('error', reject);
    };
    const onEnd = (): void => {
      stop();
      resolve(value.join(''));
    };
    const onData = (chunk: Buffer | string): void => {
      for (const key of typeof chunk === 'string' ? chunk : decoder.write(chunk)) {
        if (key === INTERRUPT) {
          stop();
          return reject(interrupted());
        }
        if (key === '\r' || key === '\n' || key === END_OF_INPUT) return onEnd();
        if (key === '\u007f' || key === '\b') value.pop();
        else if (key === CLEAR_LINE) value = [];
        else value.push(key);
      }
    };
    stdin.on('data', onData).on('end', onEnd).on('error', reject);
    stdin.resume();
  });
}

function interrupted(): IronError {
  return new IronError('E_USAGE', {
    message: 'the question was interrupted',
    because: 'Ctrl-C was pressed; nothing was stored',
    hint: 'run the command again, or pipe the value in',
  });
}
