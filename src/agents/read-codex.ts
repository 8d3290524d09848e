// Codex's `exec --json`: threads hold turns, turns hold items, and an item is told as it begins and as it ends.
import type { AgentEvent, StreamReader } from './events.ts';
import {
  countAt,
  isRecord,
  parseLine,
  recordAt,
  recordsAt,
  sessionIdAt,
  textAt,
  unknownEvent,
  type JsonRecord,
} from './stream-value.ts';

/** Items that have been begun and not ended: more than Codex ever works at. */
const MAX_OPEN = 1024;

export function createCodexReader(): StreamReader {
  const open = new Set<string>();
  let lastText: string | undefined;

  /** A call is told once, as it begins; where it was told only as it ended, call and result come together. */
  const readItem = (phase: string, item: JsonRecord, line: string): AgentEvent[] => {
    const type = textAt(item, 'type') ?? 'no-type';
    const text = textAt(item, 'text');
    if (type === 'agent_message' && text !== undefined) {
      if (phase !== 'completed') return [];
      lastText = text;
      return [{ type: 'text', text }];
    }
    if (type === 'reasoning' && text !== undefined) return phase === 'completed' ? [{ type: 'thinking', text }] : [];
    const message = textAt(item, 'message');
    if (type === 'error' && message !== undefined)
      return phase === 'completed' ? [{ type: 'notice', text: message }] : [];
    const tool = readTool(type, item);
    if (tool === undefined) return [unknownEvent(`item/${type}`, line)];
    const id = textAt(item, 'id') ?? '';
    const call: AgentEvent[] = open.has(id) ? [] : [{ type: 'tool-call', id, name: tool.name, input: tool.input }];
    if (phase !== 'completed') {
      if (open.size < MAX_OPEN) open.add(id);
      return call;
    }
    open.delete(id);
    return [...call, { type: 'tool-result', id, output: tool.output, isError: tool.isError }];
  };

  return {
    read(line) {
      const value = parseLine(line);
      if (Array.isArray(value)) return value;
      const type = textAt(value, 'type') ?? 'no-type';
      switch (type) {
        case 'thread.started': {
          const sessionId = sessionIdAt(value, 'thread_id');
          return sessionId === undefined ? [unknownEvent(type, line)] : [{ type: 'session', sessionId }];
        }
        // The thread's beginning has said it: a run is one turn.
        case 'turn.started':
          return [];
        case 'item.started':
        case 'item.updated':
        case 'item.completed':
          return readItem(type.slice('item.'.length), recordAt(value, 'item'), line);
        case 'turn.completed': {
          const usage = recordAt(value, 'usage');
          return [
            {
              type: 'usage',
              // Of the thread, with the runs before it that were resumed; what came from a cache is in the input.
              scope: 'session',
              inputTokens: countAt(usage, 'input_tokens'),
              outputTokens: countAt(usage, 'output_tokens'),
            },
            { type: 'done', isError: false, ...(lastText !== undefined && { text: lastText }) },
          ];
        }
        case 'turn.failed': {
          const text = textAt(recordAt(value, 'error'), 'message');
          return [{ type: 'done', isError: true, ...(text !== undefined && { text }) }];
        }
        case 'error':
          return [{ type: 'notice', text: textAt(value, 'message') ?? line }];
        default:
          return [unknownEvent(type, line)];
      }
    },
  };
}

interface Tool {
  name: string;
  input: unknown;
  output: string;
  isError: boolean;
}

function readTool(type: string, item: JsonRecord): Tool | undefined {
  const isError = ['failed', 'declined'].includes(textAt(item, 'status') ?? '');
  switch (type) {
    case 'command_execution': {
      const output = textAt(item, 'aggregated_output') ?? '';
      const exitCode = item['exit_code'];
      const failed = typeof exitCode === 'number' && exitCode !== 0;
      return {
        name: 'Shell',
        input: { command: textAt(item, 'command') ?? '' },
        output: failed ? `exit code ${exitCode}${output === '' ? '' : `\n${output}`}` : output,
        isError: isError || failed,
      };
    }
    case 'file_change': {
      const changes = recordsAt(item, 'changes').map((change) => ({
        path: textAt(change, 'path') ?? '',
        kind: textAt(change, 'kind') ?? '',
      }));
      const output = changes.map(({ kind, path }) => `${kind} ${path}`).join('\n');
      return { name: 'Edit', input: { changes }, output, isError };
    }
    case 'mcp_tool_call': {
      const error = item['error'];
      const result = error ?? item['result'];
      return {
        name: `${textAt(item, 'server') ?? ''}.${textAt(item, 'tool') ?? ''}`,
        input: item['arguments'] ?? {},
        output: resultText(result),
        isError: isError || isRecord(error),
      };
    }
    case 'web_search':
      return { name: 'WebSearch', input: { query: textAt(item, 'query') ?? '' }, output: '', isError };
    case 'todo_list': {
      const items = recordsAt(item, 'items');
      const output = items.map((each) => `[${each['completed'] === true ? 'x' : ' '}] ${textAt(each, 'text') ?? ''}`);
      return { name: 'Todo', input: { items }, output: output.join('\n'), isError };
    }
    default:
      return undefined;
  }
}

function resultText(result: unknown): string {
  if (result === undefined || result === null) return '';
  if (typeof result === 'string') return result;
  if (!isRecord(result)) return JSON.stringify(result);
  const message = textAt(result, 'message');
  if (message !== undefined) return message;
  const parts = recordsAt(result, 'content').map((part) => textAt(part, 'text') ?? JSON.stringify(part));
  return parts.length > 0 ? parts.join('\n') : JSON.stringify(result);
}
