// The scripted model is what demo and end-to-end tests believe: its own answers are checked here, over real TLS.
import { request } from 'node:https';
import { afterEach, expect, test } from 'vitest';
import { startModelServer, type ModelServer, type ModelStep } from '../support/model-server.ts';

const KEY = 'sk-ant-api03-the-real-one';
const MAIN = { model: 'm', max_tokens: 100, tools: [{ name: 'Bash' }] };

let server: ModelServer;
afterEach(() => server.close());

async function start(script: readonly (ModelStep | ((results: readonly string[]) => ModelStep))[]): Promise<void> {
  server = await startModelServer({ apiKey: KEY, script });
}

interface Call {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
  servername?: string;
}

function call(path: string, options: Call = {}): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: server.port,
        servername: options.servername ?? 'api.anthropic.com',
        ca: server.caPem,
        path,
        method: options.method ?? 'POST',
        headers: options.headers ?? { 'x-api-key': KEY },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode, text }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(options.body === undefined ? undefined : JSON.stringify(options.body));
  });
}

async function ask(body: unknown): Promise<string> {
  return (await call('/v1/messages', { body })).text;
}

test('an answer is streamed as events whose pieces give the text and the tool input again', async () => {
  const input = { command: `echo ${'é😀'.repeat(40)}` };
  await start([{ text: 'I look around.', tools: [{ name: 'Bash', input }] }]);
  const { status, text } = await call('/v1/messages?beta=true', {
    body: { ...MAIN, stream: true, messages: [{ role: 'user', content: 'go' }] },
  });
  expect(status).toBe(200);
  const blocks = text.trim().split('\n\n');
  expect(blocks[0]).toMatch(/^event: message_start\n/);
  expect(blocks.at(-1)).toBe('event: message_stop\ndata: {"type":"message_stop"}');
  const deltas = [...text.matchAll(/"delta":(\{"type":"(?:text|input_json)_delta".*?\})\}\n/g)].map(
    (match) => match[1] ?? '',
  );
  const pieces = deltas.map((delta): { text?: string; partial_json?: string } => JSON.parse(delta));
  expect(pieces.map((piece) => piece.text ?? '').join('')).toBe('I look around.');
  expect(JSON.parse(pieces.map((piece) => piece.partial_json ?? '').join(''))).toEqual(input);
  expect(text).toContain('"stop_reason":"tool_use"');
});

test('the script advances with the tool results, not with side tasks, and ends with a closing word', async () => {
  await start([{ tools: [{ name: 'Bash', input: {} }] }, (results) => ({ text: `saw ${results.join()}` })]);
  const first = { role: 'user', content: 'go' };
  const turn = [
    { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'Bash', input: {} }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'one' }] }] },
  ];
  expect(await ask({ model: 'm', max_tokens: 1, messages: [first] })).toContain('"text":"ok"');
  expect(await ask({ ...MAIN, messages: [first] })).toContain('tool_use');
  expect(await ask({ ...MAIN, messages: [first, ...turn] })).toContain('saw one');
  expect(await ask({ ...MAIN, messages: [first, ...turn, ...turn] })).toContain('Done.');
  expect(server.requests.map((made) => made.side)).toEqual([true, false, false, false]);
});

test.each([
  { headers: { 'x-api-key': 'sk-ant-api03-placeholder' }, slot: 'x-api-key', authenticated: false, status: 401 },
  { headers: { 'x-api-key': KEY }, slot: 'x-api-key', authenticated: true, status: 200 },
  { headers: { authorization: `Bearer ${KEY}` }, slot: 'bearer', authenticated: true, status: 200 },
  { headers: {}, slot: 'none', authenticated: false, status: 401 },
])(
  'a credential in $slot is kept on record: the real one $authenticated',
  async ({ headers, slot, authenticated, status }) => {
    await start([]);
    const answer = await call('/v1/models', { method: 'GET', headers });
    expect(answer.status).toBe(status);
    expect(server.requests).toMatchObject([{ slot, authenticated }]);
  },
);

test('what is not of the API is a 404, and it is on record', async () => {
  await start([]);
  expect((await call('/v1/files', { body: {} })).status).toBe(404);
  expect(server.requests).toMatchObject([{ method: 'POST', path: '/v1/files' }]);
});

test('the certificate is for the one name', async () => {
  await start([]);
  await expect(call('/v1/models', { method: 'GET', servername: 'example.com' })).rejects.toThrow(/altnames|Hostname/);
});
