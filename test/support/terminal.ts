// A person at a real terminal: a shell of the host in tmux, which types, looks at the screen, and changes its size.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { until, PROGRAM, type Sandbox } from './sandbox.ts';

export interface Terminal {
  /** Types a line and Enter. */
  type(line: string): void;
  /** Presses one key, by tmux's name for it: `C-c`, `Enter`. */
  press(key: string): void;
  /** What is on the screen and above it, without blanks at the ends of lines. */
  screen(): string;
  /** Waits until something is seen; the error shows the screen. */
  see(pattern: RegExp): Promise<void>;
  clear(): void;
  resize(columns: number, rows: number): void;
  /** The title that programs have given to this terminal. */
  title(): string;
  close(): void;
}

/** The prompt of the host's shell. */
export const HOST_PROMPT = 'HOST>';

/** Opens one of 100 columns and 30 rows in `directory`; `ic` stands for the program in it. */
export async function openTerminal(sandbox: Sandbox, directory: string): Promise<Terminal> {
  // One server each: the one before may still be ending.
  const socket = join(sandbox.directory, `tmux-${randomBytes(4).toString('hex')}`);
  const tmux = (...args: string[]): string =>
    execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], { env: sandbox.env, encoding: 'utf8' });
  const shell = `PS1='${HOST_PROMPT} ' exec sh -i`;
  tmux('new-session', '-d', '-x', '100', '-y', '30', '-s', 'e2e', '-c', directory, shell);
  const terminal: Terminal = {
    type(line) {
      tmux('send-keys', '-t', 'e2e', '-l', line);
      tmux('send-keys', '-t', 'e2e', 'Enter');
    },
    press: (key) => void tmux('send-keys', '-t', 'e2e', key),
    screen: () => tmux('capture-pane', '-p', '-t', 'e2e', '-S', '-'),
    async see(pattern) {
      await until(String(pattern), () => pattern.test(terminal.screen())).catch((error: unknown) => {
        throw new Error(`${String(error)}; the screen shows:\n${terminal.screen().trimEnd()}`);
      });
    },
    clear() {
      tmux('send-keys', '-t', 'e2e', '-R');
      tmux('clear-history', '-t', 'e2e');
    },
    resize: (columns, rows) => void tmux('resize-window', '-t', 'e2e', '-x', String(columns), '-y', String(rows)),
    title: () => tmux('display-message', '-p', '-t', 'e2e', '#{pane_title}').trim(),
    close: () => void tmux('kill-server'),
  };
  terminal.type(`ic() { '${process.execPath}' -- '${PROGRAM}' "$@"; }`);
  terminal.type('echo rea""dy');
  await terminal.see(/ready/);
  terminal.clear();
  return terminal;
}
