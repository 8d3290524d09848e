// A terminal of a program's own, bridged to the one the user sits at: the program can neither read what the user types
// elsewhere nor push characters into the user's shell. Size changes, Ctrl-C and the exit code pass through.
import type { IPty } from '@lydell/node-pty';

export interface TerminalCommand {
  program: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Where the program itself runs. Default: here. */
  cwd?: string;
  /** Where a signal is to go instead of the program; false when nobody was there to get it. */
  deliver?: (signal: NodeJS.Signals) => boolean;
}

/** Runs the command on a fresh pty; resolves with its exit code, 128 + n after signal n. Stdin and stdout are terminals. */
export async function runInTerminal(command: TerminalCommand): Promise<number> {
  // Loaded on use: it is a native module, and most commands never need it.
  const { spawn } = await import('@lydell/node-pty');
  const { stdin, stdout } = process;
  const size = (): { cols: number; rows: number } => ({ cols: stdout.columns || 80, rows: stdout.rows || 24 });
  const pty = spawn(command.program, [...command.args], {
    name: process.env['TERM'] ?? 'xterm-256color',
    ...size(),
    env: { ...command.env },
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    encoding: null,
  });
  const release = bridge(pty, size);
  return new Promise((ended) => {
    pty.onExit(({ exitCode, signal }) => {
      release();
      ended(signal === undefined || signal === 0 ? exitCode : 128 + signal);
    });
  });

  function bridge(terminal: IPty, currentSize: typeof size): () => void {
    const onInput = (text: string): void => terminal.write(text);
    const onResize = (): void => {
      const { cols, rows } = currentSize();
      terminal.resize(cols, rows);
    };
    const onHangUp = (): void => terminal.kill('SIGHUP');
    stdin.setEncoding('utf8');
    stdin.setRawMode(true);
    stdin.resume();
    stdin.on('data', onInput);
    stdout.on('resize', onResize);
    process.on('SIGTERM', onHangUp);
    process.on('SIGHUP', onHangUp);
    // The types say string; with `encoding: null` these are the bytes as they come.
    terminal.onData((chunk: string | Uint8Array) => {
      if (!stdout.write(chunk)) {
        terminal.pause();
        stdout.once('drain', () => terminal.resume());
      }
    });
    return () => {
      stdin.off('data', onInput);
      stdout.off('resize', onResize);
      process.off('SIGTERM', onHangUp);
      process.off('SIGHUP', onHangUp);
      stdin.setRawMode(false);
      stdin.pause();
    };
  }
}
