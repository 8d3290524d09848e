// A user at a terminal: runs a program on a pty, waits for what it prints, types, resizes.
import { spawn } from '@lydell/node-pty';

export interface PtyProgram {
  /** Resolves with everything printed so far once it matches; rejects when the program ends or time runs out before. */
  until(pattern: RegExp): Promise<string>;
  type(text: string): void;
  resize(columns: number, rows: number): void;
  ended: Promise<{ exitCode: number; output: string }>;
}

const PATIENCE_MS = 90_000;

export function runOnPty(argv: readonly string[], env: Readonly<Record<string, string>>, cwd: string): PtyProgram {
  const [program = '', ...args] = argv;
  const pty = spawn(program, args, { cols: 80, rows: 24, cwd, env: { ...env, TERM: 'xterm' } });
  let output = '';
  let isOver = false;
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const check of waiting) check();
  };
  pty.onData((text) => {
    output += text;
    look();
  });
  const ended = new Promise<{ exitCode: number; output: string }>((resolve) => {
    pty.onExit(({ exitCode, signal }) => {
      isOver = true;
      look();
      resolve({ exitCode: signal === undefined || signal === 0 ? exitCode : 128 + signal, output });
    });
  });
  return {
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const settle = (finish: () => void): void => {
          waiting.delete(check);
          clearTimeout(timer);
          finish();
        };
        const check = (): void => {
          if (pattern.test(output)) settle(() => resolve(output));
          else if (isOver) settle(() => reject(new Error(`it ended without ${String(pattern)}: ${output}`)));
        };
        const timer = setTimeout(
          () => settle(() => reject(new Error(`no ${String(pattern)} in time: ${output}`))),
          PATIENCE_MS,
        );
        waiting.add(check);
        check();
      }),
    type: (text) => pty.write(text),
    resize: (columns, rows) => pty.resize(columns, rows),
    ended,
  };
}
