// A model of the Anthropic Messages API that follows a script, so that the real client can be run with no account and no
// internet: real TLS by a throw-away authority, server-sent events, tool calls. It keeps which credential each request bore.
// It understands as much of the API as Claude Code uses; it is no reference for it.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:https';
import { streamMessage } from './message-stream.mjs';
import { createAuthority } from './throwaway-authority.mjs';

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const MODEL = 'claude-sonnet-4-5-20250929';

/** @param {import('./model-server.d.mts').ModelServerOptions} options */
export async function startModelServer(options) {
  const name = options.host ?? 'api.anthropic.com';
  const { caPem, certificatePem, keyPem } = await createAuthority(name);
  /** @type {import('./model-server.d.mts').RecordedRequest[]} */
  const requests = [];
  const server = createServer(
    { cert: certificatePem, key: keyPem, ALPNProtocols: ['http/1.1'] },
    (request, response) => {
      answer(request, response, options, requests).catch((error) => {
        if (response.headersSent) response.destroy();
        else fail(response, 500, 'api_error', String(error));
      });
    },
  );
  // A client that speaks no TLS, or trusts another authority, is the client's failure; it must not end the server.
  server.on('tlsClientError', () => undefined);
  await new Promise((listening, refused) => {
    server.once('error', refused);
    server.listen(options.port ?? 0, '127.0.0.1', () => listening(undefined));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the model server has no port');
  return {
    port: address.port,
    caPem,
    requests,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed(undefined));
        server.closeAllConnections();
      }),
  };
}

async function answer(request, response, options, requests) {
  const url = new URL(request.url ?? '/', 'https://model.invalid');
  const body = await readBody(request);
  const recorded = record(request, url, body, options.apiKey);
  requests.push(recorded);
  const known = `${request.method} ${url.pathname}`;
  if (!['POST /v1/messages', 'POST /v1/messages/count_tokens', 'GET /v1/models'].includes(known)) {
    return fail(response, 404, 'not_found_error', `${known} is not here`);
  }
  if (!recorded.authenticated) return fail(response, 401, 'authentication_error', 'invalid x-api-key');
  if (known === 'GET /v1/models') {
    return json(response, 200, {
      data: [{ type: 'model', id: MODEL, display_name: 'Scripted model', created_at: '2025-09-29T00:00:00Z' }],
      first_id: MODEL,
      last_id: MODEL,
      has_more: false,
    });
  }
  if (known === 'POST /v1/messages/count_tokens') return json(response, 200, { input_tokens: tokens(body) });

  let call;
  try {
    call = JSON.parse(body);
  } catch {
    return fail(response, 400, 'invalid_request_error', 'the body is not JSON');
  }
  if (!Array.isArray(call?.messages)) return fail(response, 400, 'invalid_request_error', 'messages: field required');
  recorded.model = String(call.model);
  recorded.side = isSideTask(call);
  const message = compose(recorded.side ? { text: 'ok' } : nextStep(call, options), call, body);
  recorded.tools = message.content.filter((block) => block.type === 'tool_use').map((block) => block.name);
  if (call.stream === true) return streamMessage(response, message);
  json(response, 200, message);
}

/** Title, quota probe and the like come without the tools of the main conversation; they do not advance the script. */
function isSideTask(call) {
  const tools = Array.isArray(call.tools) ? call.tools.map((tool) => tool?.name) : [];
  return call.max_tokens === 1 || !tools.some((tool) => /^bash$/i.test(String(tool)));
}

/** The number of answers with tool calls that the client has sent back says how far the script has come. */
function nextStep(call, options) {
  const done = call.messages.filter(
    (message) => message?.role === 'assistant' && blocks(message).some((block) => block.type === 'tool_use'),
  ).length;
  const step = options.script[done] ?? { text: 'Done.' };
  return typeof step === 'function' ? step(toolResults(call)) : step;
}

/** The text of every tool result so far, oldest first. */
function toolResults(call) {
  return call.messages
    .filter((message) => message?.role === 'user')
    .flatMap((message) => blocks(message))
    .filter((block) => block.type === 'tool_result')
    .map((block) =>
      typeof block.content === 'string'
        ? block.content
        : blocks(block)
            .map((part) => part.text ?? '')
            .join(''),
    );
}

function blocks(message) {
  return Array.isArray(message.content)
    ? message.content.filter((block) => typeof block === 'object' && block !== null)
    : [];
}

function compose(step, call, body) {
  const content = [];
  if (step.thinking !== undefined)
    content.push({ type: 'thinking', thinking: step.thinking, signature: 'c2NyaXB0ZWQ=' });
  if (step.text !== undefined) content.push({ type: 'text', text: step.text });
  for (const tool of step.tools ?? []) {
    content.push({
      type: 'tool_use',
      id: `toolu_${randomBytes(12).toString('hex')}`,
      name: tool.name,
      input: tool.input,
    });
  }
  return {
    id: `msg_${randomBytes(12).toString('hex')}`,
    type: 'message',
    role: 'assistant',
    model: call.model,
    content,
    stop_reason: (step.tools ?? []).length > 0 ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: tokens(body),
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: tokens(JSON.stringify(content)),
    },
  };
}

function record(request, url, body, apiKey) {
  const header = request.headers['x-api-key'];
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  const credential = typeof header === 'string' ? header : bearer;
  return {
    method: request.method ?? '',
    path: url.pathname + url.search,
    headers: request.headers,
    slot: typeof header === 'string' ? 'x-api-key' : bearer === undefined ? 'none' : 'bearer',
    authenticated: credential !== undefined && sameText(credential, apiKey),
    bodyBytes: Buffer.byteLength(body),
    body,
    side: false,
    model: undefined,
    tools: [],
  };
}

function sameText(a, b) {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

async function readBody(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error('the body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Near enough for a client that only shows it. */
function tokens(text) {
  return Math.ceil(text.length / 4);
}

function fail(response, status, type, message) {
  json(response, status, { type: 'error', error: { type, message } });
}

function json(response, status, value) {
  const text = JSON.stringify(value);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
