// The main job, for real: the real Claude Code in a cage, the real egress, a scripted model. Prints what happened and proves
// what was promised; ends with 1 when a promise did not hold. Everything it makes lies in one temporary directory.
// Usage: node examples/demo/demo.mjs [--keep] [docker|podman]
import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printable, printableLine } from '../../dist/platform/text.js';
import { agentScript, EXFILTRATION_HOST } from './agent-script.mjs';
import { createCommand } from './command.mjs';
import { searchFiles, searchProcesses } from './key-search.mjs';
import { startModelServer } from './model-server.mjs';
import { createSampleProject } from './sample-project.mjs';
import { createStreamView } from './stream-view.mjs';

const CAGE = 'demo';
/** In a container, with the agent and the Node of its image. */
const ENGINE = process.argv.slice(2).find((word) => word === 'docker' || word === 'podman');
const PLACE = ENGINE === undefined ? [] : ['--backend', ENGINE, '--toolchain', 'node=22'];
const MODEL_HOST = 'api.anthropic.com';
const start = performance.now();
const print = (line = '') => process.stdout.write(`${line}\n`);
const heading = (text) => print(`\n── ${text} ${'─'.repeat(Math.max(0, 100 - text.length))}`);

const directory = realpathSync(mkdtempSync(join(tmpdir(), 'ironcage-demo-')));
const data = join(directory, 'data');
const project = join(directory, 'sample');
const realKey = `sk-ant-api03-${randomBytes(32).toString('hex')}`;
const hostPassword = randomBytes(16).toString('hex');
const ironcage = createCommand({ directory, data });
const inside = { processes: 0, marked: 0, found: [] };
const checks = [];
const expect = (ok, text) => checks.push({ ok, text });

const server = await startModelServer({
  apiKey: realKey,
  script: agentScript({
    project,
    secretsDirectory: join(data, 'secrets'),
    whileInside: () => Object.assign(inside, searchProcesses(realKey, `IRONCAGE=${CAGE}\0`)),
  }),
});
let abandoned = false;
let cleaning;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, abandon);
// A reader that went away, `npm run demo | head`.
process.stdout.on('error', abandon);
try {
  await main();
} catch (error) {
  if (!abandoned) throw error;
} finally {
  await cleanUp();
}
process.exitCode = report();

async function main() {
  heading('Set-up');
  createSampleProject(project, hostPassword);
  const head = hostHead();
  const caFile = join(directory, 'model-ca.pem');
  writeFileSync(caFile, server.caPem);
  print(`project       ${project}`);
  print(`model server  https://${MODEL_HOST} → 127.0.0.1:${server.port} (scripted, own throw-away authority)`);
  await ironcage.text(['secret', 'set', 'ANTHROPIC_API_KEY'], { input: realKey });
  print('real key      in ironcage’s secret store, by stdin');

  heading('The agent, in its cage');
  const seen = { results: [], finished: false, version: undefined };
  const route = `${MODEL_HOST}=127.0.0.1:${server.port},ca=${caFile}`;
  const agentArgs = ['-p', 'Improve the greeting.', '--output-format', 'stream-json', '--verbose'];
  const run = await ironcage.stream(
    ['run', 'claude', project, '--name', CAGE, '--allow', 'npm', '--route', route, ...PLACE, '--', ...agentArgs],
    createStreamView(print, printable, seen),
  );
  expect(run === 0 && seen.finished, `the real Claude Code ${seen.version ?? ''} ran to its end, exit code ${run}`);

  await reportChange(head, seen.results.join('\n'));
  await reportRefusals(seen.results.join('\n'));
  await reportKey(seen.results.join('\n'));
}

async function reportChange(head, results) {
  heading('What changed (ironcage diff)');
  print(await ironcage.text(['diff', CAGE, '--stat']));
  const { files } = await ironcage.json(['diff', CAGE]);
  const changed = files.map(({ path, change }) => `${change} ${path}`).sort();
  const wanted = ['added src/shout.js', 'deleted docs/old-notes.md', 'modified README.md', 'modified src/greet.js'];
  expect(String(changed) === String(wanted), 'the change is two edits, one new file, one deleted, and nothing else');
  expect(results.includes('Greet loudly'), 'the agent committed inside');
  expect(results.includes('is-number says true'), 'a package came from the npm registry through the egress');
  expect(hostHead() === head, 'the project on the host is as it was: no file, no commit');
}

async function reportRefusals(results) {
  heading('What was refused (ironcage audit --decision deny)');
  const refused = await ironcage.lines(['audit', CAGE, '--decision', 'deny']);
  const rows = new Map();
  for (const { method, host, path, rule } of refused) {
    const row = [method, `${host}${path}`, rule].map(printableLine).join('  ');
    rows.set(row, (rows.get(row) ?? 0) + 1);
  }
  for (const [row, count] of rows) print(`${String(count).padStart(3)} ×  ${row}`);
  const answer = results.split('\n').find((line) => line.startsWith('403 ') && line.includes(EXFILTRATION_HOST));
  print(`\nwhat the agent was told: ${printableLine(answer ?? 'nothing')}`);
  const exfiltration = refused.filter((record) => record.host === EXFILTRATION_HOST && record.method === 'POST');
  expect(exfiltration.length > 0 && answer !== undefined, `sending the project to ${EXFILTRATION_HOST} was refused`);
  const foreign = refused.filter((record) => record.host === MODEL_HOST && record.method === 'POST');
  const arrived = server.requests.filter((request) => !request.authenticated);
  expect(
    foreign.length > 0 && arrived.length === 0,
    'a foreign key on the allowed host was refused, and never reached the model server',
  );
  const verified = await ironcage.json(['audit', CAGE, '--verify']);
  expect(
    verified.ok === true,
    `the audit record is unbroken: ${verified.records} records, each bound to the one before`,
  );
}

async function reportKey(results) {
  heading('Where the key was');
  const allowed = await ironcage.lines(['audit', CAGE, '--decision', 'allow']);
  const injected = new Map();
  for (const { secrets, host } of allowed) {
    for (const name of secrets) injected.set(`${name} → ${host}`, (injected.get(`${name} → ${host}`) ?? 0) + 1);
  }
  for (const [target, count] of injected) print(`injected      ${printableLine(target)}, ${count} requests`);
  const received = server.requests.filter((request) => request.authenticated).length;
  const known = [...injected.keys()];
  expect(
    received > 0 && known.length === 1 && known[0] === `ANTHROPIC_API_KEY → ${MODEL_HOST}`,
    'the key was put into requests to its own host only',
  );
  expect(received > 0, `model server received the real key: yes (${received} requests)`);

  const secrets = join(data, 'secrets');
  const files = searchFiles(data, realKey, [secrets]);
  const control = searchFiles(secrets, realKey);
  const sent = server.requests.some((request) => request.body.includes(realKey));
  const placeholder = /^sk-ant-api03-\S+$/m.exec(results)?.[0];
  print(
    `searched      ${files.files} files of the cage, ${inside.processes} processes while it ran (${inside.marked} of the cage), every tool result`,
  );
  print(`control       the same search finds the key in the secret store: ${control.found.length > 0 ? 'yes' : 'no'}`);
  print(`the cage saw  ${printableLine(placeholder ?? 'no key at all')}`);
  const clean =
    files.files > 0 &&
    files.found.length === 0 &&
    files.unreadable === 0 &&
    inside.marked > 0 &&
    inside.found.length === 0;
  for (const path of files.found) print(`FOUND in      ${printableLine(path)}`);
  const searched = 'searched files, environments, arguments, tool results, what it sent';
  expect(
    clean && control.found.length > 0 && !results.includes(realKey) && !sent && placeholder !== undefined,
    `cage held the real key: no (${searched})`,
  );
  const leaked =
    results.includes(hostPassword) || server.requests.some((request) => request.body.includes(hostPassword));
  expect(!leaked, 'the ignored .env and the password in the git remote did not get in');
}

/** Commit and status of the host's project. */
function hostHead() {
  return git('rev-parse', 'HEAD') + git('status', '--porcelain');
}

function git(...args) {
  return execFileSync('git', ['-C', project, ...args], { encoding: 'utf8' });
}

function report() {
  heading('Proof');
  for (const { ok, text } of checks) print(`${ok ? '✓' : '✗ NOT SO:'} ${text}`);
  const failed = checks.filter(({ ok }) => !ok).length;
  print(
    `\n${checks.length - failed} of ${checks.length} hold, ${((performance.now() - start) / 1000).toFixed(1)} s in all`,
  );
  return failed > 0 || checks.length < 12 ? 1 : 0;
}

function abandon() {
  abandoned = true;
  void cleanUp().finally(() => process.exit(130));
}

function cleanUp() {
  return (cleaning ??= removeEverything());
}

async function removeEverything() {
  await ironcage.stop();
  await server.close();
  if (process.argv.includes('--keep')) {
    print(`\nkept: IRONCAGE_HOME=${data}`);
    return;
  }
  try {
    if (existsSync(join(data, 'cages'))) await ironcage.text(['rm', CAGE, '--discard', '--yes'], { last: true });
    rmSync(directory, { recursive: true, force: true });
    expect(true, 'the cage was removed, and nothing of it is left');
  } catch (error) {
    expect(false, `the cage was removed, and nothing of it is left: ${printableLine(String(error))}`);
  }
}
