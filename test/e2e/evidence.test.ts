// Evidence of a real run: what the agent said, what was refused, its commit, on one clock; checked offline; sent on as traces by the
// official SDK to a collector of the test's own.
import { createServer } from 'node:http';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

const VALUE = 'a-very-secret-value-0123456789';

let sandbox: Sandbox;
let project: string;
let id: string;
beforeAll(async () => {
  sandbox = openSandbox();
  project = sandbox.project('shop');
  await run(0, { input: VALUE }, 'secret', 'set', 'SHOP_TOKEN', '--host', 'api.example.com');
  await run(0, {}, 'create', '--name', 'shop', '--secret', 'SHOP_TOKEN');
  // The value came in by a way of the user's own: in evidence it is none the less not shown.
  const script = [
    'echo begins; echo "$PLAIN"; printf "%s" "$PLAIN" | base64',
    'curl -s https://refused.example.net/path',
    'git config user.name A; git config user.email a@example.com',
    'echo x > new.txt; git add new.txt; git commit -qm "add a file"',
    'echo trouble >&2; printf "\\033]0;title\\007end\\n"',
  ].join('\n');
  const args = ['launch', 'shop', '--agent', 'shell', '-p', script, '--env', `PLAIN=${VALUE}`];
  await run(0, {}, ...args);
  id = z.array(z.object({ id: z.string() })).parse((await run(0, {}, 'runs', 'shop', '--json')).json())[0]?.id ?? '';
}, 120_000);
afterAll(() => sandbox.close());

async function run(
  exitCode: number,
  options: { input?: string; env?: Record<string, string> },
  ...args: string[]
): Promise<CliResult> {
  const result = await sandbox.run(args, { cwd: project, ...options });
  expect([result.exitCode, result.stderr], args.join(' ')).toEqual([exitCode, expect.any(String)]);
  return result;
}

const lineSchema = z.object({ time: z.string(), kind: z.string(), data: z.record(z.string(), z.unknown()) });
type Line = z.infer<typeof lineSchema>;

test('one timeline has all of it, in the order of one clock, and no value of a secret in any spelling', async () => {
  const result = await run(0, {}, 'evidence', id, '--json');
  const lines = z.array(lineSchema).parse(result.records());
  expect(lines[0]).toMatchObject({ kind: 'evidence', data: { cage: 'shop', runs: [id], audit: { ok: true } } });
  expect(lines.at(-1)).toMatchObject({ kind: 'seal', data: { records: lines.length } });
  const of = (kind: string): Line[] => lines.filter((line) => line.kind === kind);
  expect(of('prompt')).toHaveLength(1);
  expect(of('agent').map(({ data }) => data['text'])).toContain('begins');
  expect(of('stderr')).toMatchObject([{ data: { text: 'trouble' } }]);
  expect(of('network')).toContainEqual(
    expect.objectContaining({ data: expect.objectContaining({ host: 'refused.example.net', decision: 'deny' }) }),
  );
  expect(of('commit')).toMatchObject([{ data: { subject: 'add a file' } }]);
  expect(of('end')).toMatchObject([{ data: { status: 'done', exitCode: 0 } }]);
  const times = lines.slice(1, -1).map(({ time }) => time);
  expect(times).toEqual(times.toSorted());
  expect(result.stdout).not.toContain(VALUE);
  expect(result.stdout).not.toContain(Buffer.from(VALUE).toString('base64').slice(0, 30));
  const shown = await run(0, {}, 'evidence', 'shop');
  expect(shown.stdout).toContain('REFUSED');
  expect(shown.stdout).not.toContain('\u001b]0;');
});

test('a file of it is checked by itself, and every change in it is found', async () => {
  const file = join(sandbox.directory, 'run.jsonl');
  const written = (await run(0, {}, 'evidence', id, '-o', file, '--json')).json();
  const { head } = z.object({ head: z.string() }).parse(written);
  const elsewhere = { IRONCAGE_HOME: join(sandbox.directory, 'nothing-here') };
  expect((await run(0, { env: elsewhere }, 'evidence', file, '--verify', '--json')).json()).toMatchObject({
    ...{ ok: true, cage: 'shop', runs: [id], head },
    auditRecords: expect.any(Number),
  });
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('refused.example.net', 'allowed.example.net'));
  expect((await run(1, {}, 'evidence', file, '--verify')).stdout).toContain('not in order: line ');
  writeFileSync(file, text.split('\n').slice(0, -2).join('\n'));
  expect((await run(1, {}, 'evidence', file, '--verify')).stdout).toContain('cut off');
  await run(0, {}, 'evidence', 'shop', '--verify');
});

test('it is a recording for asciinema and a HAR as well', async () => {
  const cast = (await run(0, {}, 'evidence', id, '--format', 'cast')).records();
  expect(cast[0]).toMatchObject({ version: 2 });
  const har = (await run(0, {}, 'evidence', id, '--format', 'har')).json();
  expect(har).toMatchObject({ log: { entries: [{ request: { url: 'https://refused.example.net/path' } }] } });
});

test('traces go to a collector only where one is configured, with what was done and nothing that was said', async () => {
  expect((await run(2, {}, 'evidence', id, '--format', 'otlp')).stderr).toContain('OTEL_EXPORTER_OTLP_ENDPOINT');
  const bodies: string[] = [];
  let status = 200;
  const collector = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      bodies.push(`${request.url} ${Buffer.concat(pieces).toString('utf8')}`);
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((listening) => collector.listen(0, '127.0.0.1', listening));
  const address = collector.address();
  if (typeof address !== 'object' || address === null) throw new Error('it does not listen');
  const { port } = address;
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
  try {
    const sent = (await run(0, { env }, 'evidence', id, '--format', 'otlp', '--json')).json();
    expect(z.object({ spans: z.number() }).parse(sent).spans).toBeGreaterThanOrEqual(2);
    expect(bodies[0]).toMatch(/^\/v1\/traces /);
    expect(bodies.join('')).toContain('invoke_agent shell');
    expect(bodies.join('')).toContain('refused.example.net');
    expect(bodies.join('')).not.toContain('begins');
    status = 400;
    expect((await run(125, { env }, 'evidence', id, '--format', 'otlp')).stderr).toContain('did not arrive');
  } finally {
    collector.closeAllConnections();
    collector.close();
  }
});
