// Runs the built command line as a user would, against a data root of the demo's own.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../bin/ironcage.js', import.meta.url));

export function createCommand({ directory, data }) {
  const env = { ...process.env, IRONCAGE_HOME: data, XDG_CONFIG_HOME: join(directory, 'config') };
  // The demo's key is the stored one; a key or an endpoint of the user's own must not come into play.
  for (const name of Object.keys(env)) if (name.startsWith('ANTHROPIC_')) delete env[name];

  /** Stderr goes to the terminal; `onLine` gets stdout. Resolves with the exit code. */
  function stream(args, onLine, input) {
    return new Promise((ended, failed) => {
      const child = spawn(process.execPath, [PROGRAM, ...args], {
        env,
        cwd: directory,
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const lines = createInterface({ input: child.stdout, crlfDelay: Infinity });
      lines.on('line', onLine);
      const drained = new Promise((closed) => lines.once('close', closed));
      child.on('error', failed);
      child.on('close', (code, signal) => drained.then(() => ended(code ?? signal)));
      // A command that does not read its input may be gone before it is written.
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
    });
  }

  async function text(args, { input } = {}) {
    const lines = [];
    const code = await stream(args, (line) => lines.push(line), input);
    if (code !== 0) throw new Error(`ironcage ${args.slice(0, 2).join(' ')} ended with ${code}`);
    return lines.join('\n');
  }

  return {
    stream,
    text,
    json: async (args) => JSON.parse(await text([...args, '--json'])),
    /** JSON Lines. */
    lines: async (args) => {
      const output = await text([...args, '--json']);
      return output === '' ? [] : output.split('\n').map((line) => JSON.parse(line));
    },
  };
}
