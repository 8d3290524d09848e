// A model of the OpenAI Responses API that follows a script, over server-sent events and over WebSocket, so that the real
// Codex can be run with no account and no internet. It keeps which credential each request bore. It understands as much
// of the API as Codex uses; it is no reference for it.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { createWorld, startOrigin } from '../integration/egress-rig.ts';

const HOST = 'api.openai.com';

interface ResponsesRequest {
  transport: 'http' | 'websocket';
  method: string;
  path: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Whether it bore `Bearer` and the key. */
  authenticated: boolean;
  /** Body, or every message of the socket so far. */
  body: string;
}

export interface ResponsesServer {
  requests: readonly ResponsesRequest[];
  /** The value of a --route option that leads the API's host here. */
  route: string;
  close(): Promise<void>;
}

/** A tool of a server of the Model Context Protocol that the client was told of. */
interface ServerTool {
  server: string;
  tool: string;
  input: Readonly<Record<string, unknown>>;
}

export interface ResponsesOptions {
  apiKey: string;
  /** Shell commands that the model has run, or tools that it calls, one after the other; then it says that it is done. */
  commands: readonly (string | ServerTool)[];
  /** The summary of what it thought before each answer. Absent: it did not think. */
  reasoning?: string;
  /** Absent: true. Otherwise the handshake is refused, and the client has to fall back. */
  websocket?: boolean;
}

export async function startResponsesServer(options: ResponsesOptions): Promise<ResponsesServer> {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-responses-'));
  const world = await createWorld();
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, world.caPem);
  const requests: ResponsesRequest[] = [];
  const origin = await startOrigin(world, HOST, (request, response) => {
    void readAll(request).then((body) => {
      const recorded = record(request, 'http', options.apiKey, body);
      requests.push(recorded);
      answerHttp(recorded, response, options);
    });
  });
  const sockets = new WebSocketServer({ noServer: true });
  origin.server.on('upgrade', (request: IncomingMessage, socket, head) => {
    const recorded = record(request, 'websocket', options.apiKey, '');
    requests.push(recorded);
    const status =
      options.websocket === false || recorded.path !== '/v1/responses'
        ? '404 Not Found'
        : recorded.authenticated
          ? undefined
          : '401 Unauthorized';
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => serveSocket(client, recorded, options));
  });
  return {
    requests,
    route: `${HOST}=127.0.0.1:${origin.port},ca=${caFile}`,
    async close() {
      for (const client of sockets.clients) client.terminate();
      await origin.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function answerHttp(recorded: ResponsesRequest, response: ServerResponse, options: ResponsesOptions): void {
  const json = (status: number, value: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };
  if (!recorded.authenticated) return json(401, { error: { message: 'Incorrect API key provided', code: 'invalid' } });
  const path = recorded.path.replace(/\?.*$/, '');
  if (recorded.method === 'GET' && path === '/v1/models') return json(200, { object: 'list', data: [] });
  if (recorded.method !== 'POST' || path !== '/v1/responses') return json(404, { error: { message: 'not here' } });
  const call = parseCall(recorded.body);
  if (call === undefined) return json(400, { error: { message: 'this is no request for a response' } });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of events(call, countOutputs(call), options)) {
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  }
  response.end();
}

/** A socket's later calls carry only what is new: how far the script has come is counted here. */
function serveSocket(client: WebSocket, recorded: ResponsesRequest, options: ResponsesOptions): void {
  let outputs = 0;
  let tools: readonly Tool[] = [];
  client.on('message', (data: RawData) => {
    const text = Buffer.isBuffer(data) ? data.toString('utf8') : '';
    recorded.body += `${text}\n`;
    const call = parseCall(text);
    if (call === undefined) {
      client.send(JSON.stringify({ type: 'error', status: 400, error: { message: 'this is no response.create' } }));
      return;
    }
    outputs = call.isContinued ? outputs + countOutputs(call) : countOutputs(call);
    tools = call.isContinued ? [...tools, ...call.tools] : call.tools;
    for (const event of events({ ...call, tools }, outputs, options)) client.send(JSON.stringify(event));
  });
}

interface Call {
  model: string;
  /** Only what is new is in `input`. */
  isContinued: boolean;
  /** Asks for no answer: it warms the connection up. */
  isWarmUp: boolean;
  input: readonly { type: string }[];
  tools: readonly Tool[];
}

interface Tool {
  name: string;
  /** A tool may stand in one. */
  namespace: string | undefined;
}

function parseCall(text: string): Call | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || typeof value['model'] !== 'string') return undefined;
  return {
    model: value['model'],
    isContinued: typeof value['previous_response_id'] === 'string',
    isWarmUp: value['generate'] === false,
    input: entries(value['input']).map((item) => ({ type: String(item['type']) })),
    tools: [value, ...entries(value['input'])].flatMap((holder) => readTools(holder['tools'])),
  };
}

/** Newer models are given their tools as an item of the input, in namespaces. */
function readTools(value: unknown, namespace?: string): Tool[] {
  return entries(value).flatMap((tool) =>
    tool['type'] === 'namespace'
      ? readTools(tool['tools'], String(tool['name']))
      : [{ name: String(tool['name']), namespace }],
  );
}

function entries(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function countOutputs(call: Call): number {
  return call.input.filter(({ type }) => type.endsWith('_call_output')).length;
}

interface Event extends Record<string, unknown> {
  type: string;
}

function events(call: Call, done: number, options: ResponsesOptions): Event[] {
  const id = `resp_${randomBytes(12).toString('hex')}`;
  const created: Event = { type: 'response.created', response: { id, object: 'response', status: 'in_progress' } };
  const usage = {
    input_tokens: 10,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 10,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 20,
  };
  const completed: Event = {
    type: 'response.completed',
    response: { id, object: 'response', status: 'completed', model: call.model, output: [], usage },
  };
  if (call.isWarmUp) return [created, completed];
  const items = [...thoughts(options.reasoning), nextItem(call, options.commands[done])];
  return [
    created,
    ...items.flatMap((item, output_index) => [
      { type: 'response.output_item.added', output_index, item },
      { type: 'response.output_item.done', output_index, item },
    ]),
    completed,
  ];
}

function thoughts(text: string | undefined): Record<string, unknown>[] {
  if (text === undefined) return [];
  const id = `rs_${randomBytes(12).toString('hex')}`;
  return [{ type: 'reasoning', id, summary: [{ type: 'summary_text', text }], encrypted_content: 'c2NyaXB0ZWQ=' }];
}

/** Codex has one of several ways to run a command, by the model. */
function nextItem(call: Call, command: string | ServerTool | undefined): Record<string, unknown> {
  const id = randomBytes(12).toString('hex');
  const called = command === undefined ? undefined : calledBy(call, command);
  if (called === undefined) {
    return {
      type: 'message',
      id: `msg_${id}`,
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'Done.', annotations: [] }],
    };
  }
  const { name, namespace } = called.tool;
  const shared = { call_id: `call_${id}`, name, status: 'completed', ...(namespace !== undefined && { namespace }) };
  return called.program === undefined
    ? { type: 'function_call', id: `fc_${id}`, ...shared, arguments: JSON.stringify(called.input) }
    : { type: 'custom_tool_call', id: `ctc_${id}`, ...shared, input: called.program };
}

interface Called {
  tool: Tool;
  input?: unknown;
  /** Of the tool that is given a program, which calls all others. */
  program?: string;
}

/** Undefined where the client has no such tool. */
function calledBy({ tools }: Call, command: string | ServerTool): Called | undefined {
  const named = (...names: string[]): Tool | undefined =>
    tools.find(({ name, namespace = '' }) => names.includes(name) || names.includes(`${namespace}__${name}`));
  const exec = named('exec');
  const [name, input, result] =
    typeof command === 'string'
      ? ['exec_command', { cmd: command }, 'run.output']
      : [`mcp__${command.server}__${command.tool}`, command.input, 'JSON.stringify(run)'];
  if (exec !== undefined)
    return { tool: exec, program: `const run = await tools.${name}(${JSON.stringify(input)}); text(${result});` };
  const tool = typeof command === 'string' ? named(name, 'shell_command') : named(name);
  if (tool === undefined) return undefined;
  return { tool, input: tool.name === 'shell_command' ? { command } : input };
}

function record(
  request: IncomingMessage,
  transport: ResponsesRequest['transport'],
  apiKey: string,
  body: string,
): ResponsesRequest {
  return {
    transport,
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    authenticated: request.headers.authorization === `Bearer ${apiKey}`,
    body,
  };
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
