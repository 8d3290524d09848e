// Runs the built command line as a user would, against a data root of the demo's own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../bin/ironcage.js', import.meta.url));

export function createCommand({ directory, data }) {
  const env = { ...process.env, IRONCAGE_HOME: data, XDG_CONFIG_HOME: join(directory, 'config') };
  // The demo's key is the stored one; a key or an endpoint of the user's own must not come into play.
  for (const name of Object.keys(env)) if (name.startsWith('ANTHROPIC_')) delete env[name];

  /** The commands that run now. */
  const running = new Set();
  let stopping = false;

  /** `last` is for the removal after `stop`. Stderr goes to the terminal; `onLine` gets stdout. Resolves with the exit code. */
  async function stream(args, onLine, { input, last = false } = {}) {
    if (stopping && !last) throw new Error('the demo was given up');
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      env,
      cwd: directory,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    // A command that does not read its input may be gone before it is written.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const lines = createInterface({ input: child.stdout, crlfDelay: Infinity });
    lines.on('line', onLine);
    const [[code, signal]] = await Promise.all([once(child, 'close'), once(lines, 'close')]);
    return code ?? signal;
  }

  async function text(args, options) {
    const lines = [];
    const code = await stream(args, (line) => lines.push(line), options);
    if (code !== 0) throw new Error(`ironcage ${args.slice(0, 2).join(' ')} ended with ${code}`);
    return lines.join('\n');
  }

  /** Ends what runs now and waits for it; afterwards nothing can be started but the removal. */
  async function stop() {
    stopping = true;
    const ended = [...running].map((child) => new Promise((done) => child.once('exit', done)));
    for (const child of running) child.kill('SIGTERM');
    await Promise.all(ended);
  }

  return {
    stream,
    text,
    stop,
    json: async (args) => JSON.parse(await text([...args, '--json'])),
    /** JSON Lines. */
    lines: async (args) => {
      const output = await text([...args, '--json']);
      return output === '' ? [] : output.split('\n').map((line) => JSON.parse(line));
    },
  };
}
