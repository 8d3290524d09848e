// Runs scripts of package.json side by side: as many at a time as there are processors, in the order given. Each line is shown with the
// name of the script that says it, all of them run to their end, and the exit code is 1 when one fails: a run tells everything that is
// wrong. Whoever names scripts here promises that none writes where another reads. Usage: side-by-side.mjs SCRIPT…
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';

const names = process.argv.slice(2);
const waiting = [...names];
const width = Math.max(...names.map((name) => name.length));
const failed = [];

await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, runWaiting));
if (failed.length > 0) {
  process.stdout.write(`failed: ${failed.map((name) => `npm run ${name}`).join(', ')}\n`);
  process.exitCode = 1;
}

async function runWaiting() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const begin = performance.now();
    const isFine = await runScript(name);
    say(name, `${isFine ? '✓' : '✗ failed'} after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    if (!isFine) failed.push(name);
  }
}

/** Ends with the last line, not with the process: what a failure says comes last. */
function runScript(name) {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', name], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const input of [child.stdout, child.stderr])
      createInterface({ input, crlfDelay: Infinity }).on('line', (line) => say(name, line));
    child.once('error', (error) => {
      say(name, error.message);
      resolve(false);
    });
    child.once('close', (code) => resolve(code === 0));
  });
}

function say(name, line) {
  process.stdout.write(`${name.padEnd(width)} │ ${line}\n`);
}
