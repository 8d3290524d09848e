// The messages as a Model Context Protocol server on standard input and output, for agents that speak it: one JSON-RPC message a line. By
// hand, since a program in a cage brings no packages along; it has three tools and nothing else of the protocol.
import { createInterface } from 'node:readline';
import { receive, send } from './bus-client.mjs';
import { MESSAGE_TYPES, typesFrom } from './message-types.mjs';

/** The newest first: what a client asks for is spoken where it is known. */
const VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
/** Clients give up on a tool that takes long; who gets nothing asks again. */
const WAIT_SECONDS = 50;

const TIMEOUT = { type: 'number', description: `seconds to wait at most; default ${WAIT_SECONDS}` };
const TOOLS = [
  {
    name: 'send_message',
    description: [
      'Send a message to whoever gave you this task, outside of the cage. Types and their payloads:',
      ...typesFrom('cage').map((type) => {
        const { summary, example } = MESSAGE_TYPES[type];
        return `${type}: ${summary}; for example ${JSON.stringify(example)}`;
      }),
    ].join('\n'),
    inputSchema: {
      type: 'object',
      properties: {
        type: { type: 'string', enum: typesFrom('cage') },
        payload: { type: 'object' },
        reply_to: { type: 'string', description: 'the id of the message that this answers' },
      },
      required: ['type', 'payload'],
    },
    call: ({ type, payload, reply_to: replyTo }) => `sent ${type} ${send(type, payload, { replyTo })}`,
  },
  {
    name: 'wait_for_message',
    description:
      'Wait for the next message from outside: an answer, a revision of the task, information that was asked for.',
    inputSchema: { type: 'object', properties: { timeout_seconds: TIMEOUT, type: { type: 'string' } } },
    call: ({ timeout_seconds: seconds, type }, signal) =>
      wait((message) => type === undefined || message.type === type, seconds, signal),
  },
  {
    name: 'ask_question',
    description: 'Ask whoever gave you this task a question, and wait for the answer.',
    inputSchema: {
      type: 'object',
      properties: {
        text: { type: 'string' },
        options: { type: 'array', items: { type: 'string' }, description: 'answers to choose from' },
        timeout_seconds: TIMEOUT,
      },
      required: ['text'],
    },
    call: async ({ text, options, timeout_seconds: seconds }, signal) => {
      const id = send('question', { text, ...(options === undefined ? {} : { options }) });
      // An answer that names no question is meant for whoever asks.
      const isAnswer = ({ type, replyTo }) => type === 'answer' && (replyTo === undefined || replyTo === id);
      return `asked as ${id}\n${await wait(isAnswer, seconds, signal)}`;
    },
  },
];

async function wait(wanted, seconds = WAIT_SECONDS, signal) {
  if (!(seconds >= 0)) throw new Error('timeout_seconds must be a number of seconds');
  const message = await receive(wanted, seconds * 1000, signal);
  return message === undefined ? 'nothing came yet; wait_for_message goes on waiting' : JSON.stringify(message);
}

const calls = new Map();

async function answer({ id, method, params = {} }) {
  switch (method) {
    case 'initialize': {
      const protocolVersion = VERSIONS.includes(params.protocolVersion) ? params.protocolVersion : VERSIONS[0];
      return { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'ironcage', version: '1' } };
    }
    case 'ping':
      return {};
    case 'tools/list':
      return { tools: TOOLS.map(({ name, description, inputSchema }) => ({ name, description, inputSchema })) };
    case 'tools/call': {
      const tool = TOOLS.find(({ name }) => name === params.name);
      if (tool === undefined) throw Object.assign(new Error(`no such tool: ${params.name}`), { code: -32602 });
      const controller = new AbortController();
      calls.set(id, controller);
      try {
        return { content: [{ type: 'text', text: await tool.call(params.arguments ?? {}, controller.signal) }] };
      } catch (error) {
        return { content: [{ type: 'text', text: error.message }], isError: true };
      } finally {
        calls.delete(id);
      }
    }
    default:
      throw Object.assign(new Error(`no such method: ${method}`), { code: -32601 });
  }
}

function say(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

const lines = createInterface({ input: process.stdin });
lines.on('line', async (line) => {
  let message;
  try {
    message = JSON.parse(line);
  } catch {
    return say({ id: null, error: { code: -32700, message: 'not JSON' } });
  }
  if (message?.method === 'notifications/cancelled') calls.get(message.params?.requestId)?.abort();
  // A notification, or an answer to what was never asked.
  if (message?.id === undefined || typeof message.method !== 'string') return undefined;
  try {
    say({ id: message.id, result: await answer(message) });
  } catch (error) {
    say({ id: message.id, error: { code: error.code ?? -32603, message: error.message } });
  }
});
lines.on('close', () => process.exit(0));
