// opencode's `run --format json`: parts of its answers as they are ready, each with the session's name. A call is told with
// its result; what an answer used stands where its step ends.
import type { AgentEvent, StreamReader } from './events.ts';
import {
  amountAt,
  countAt,
  isRecord,
  parseLine,
  recordAt,
  sessionIdAt,
  textAt,
  unknownEvent,
  type JsonRecord,
} from './stream-value.ts';

/** Steps after which it goes on. */
const GOES_ON = ['tool-calls', 'unknown'];

export function createOpencodeReader(): StreamReader {
  let session: string | undefined;
  let lastText: string | undefined;

  const readPart = (type: string, value: JsonRecord, line: string): AgentEvent[] => {
    const part = recordAt(value, 'part');
    const text = textAt(part, 'text');
    switch (type) {
      case 'step_start':
        return [];
      case 'text':
        if (text === undefined) break;
        lastText = text;
        return [{ type: 'text', text }];
      case 'reasoning':
        if (text === undefined) break;
        return [{ type: 'thinking', text }];
      case 'tool_use':
        return readTool(part);
      case 'step_finish':
        return [readUsage(part), ...readEnd(textAt(part, 'reason') ?? '', lastText)];
      case 'error':
        return [{ type: 'done', isError: true, text: errorText(value['error'], line) }];
    }
    return [unknownEvent(type, line)];
  };

  return {
    read(line) {
      const value = parseLine(line);
      if (Array.isArray(value)) return value;
      const events = readPart(textAt(value, 'type') ?? 'no-type', value, line);
      const sessionId = sessionIdAt(value, 'sessionID');
      if (sessionId === undefined || sessionId === session) return events;
      session = sessionId;
      return [{ type: 'session', sessionId }, ...events];
    },
  };
}

function readTool(part: JsonRecord): AgentEvent[] {
  const id = textAt(part, 'callID') ?? '';
  const state = recordAt(part, 'state');
  const exit = recordAt(state, 'metadata')['exit'];
  const failed = typeof exit === 'number' && exit !== 0;
  const output = textAt(state, 'error') ?? textAt(state, 'output') ?? '';
  return [
    { type: 'tool-call', id, name: textAt(part, 'tool') ?? 'a tool', input: state['input'] ?? {} },
    {
      type: 'tool-result',
      id,
      output: failed ? `exit code ${exit}\n${output}` : output,
      isError: failed || state['status'] === 'error',
    },
  ];
}

/** Input without what came from or went into the cache, output without what it thought: both are added. */
function readUsage(part: JsonRecord): AgentEvent {
  const tokens = recordAt(part, 'tokens');
  const cache = recordAt(tokens, 'cache');
  const costUsd = amountAt(part, 'cost');
  return {
    type: 'usage',
    scope: 'step',
    inputTokens: countAt(tokens, 'input') + countAt(cache, 'read') + countAt(cache, 'write'),
    outputTokens: countAt(tokens, 'output') + countAt(tokens, 'reasoning'),
    // Of a model that it has no price for it says that it cost nothing.
    ...(costUsd !== undefined && costUsd > 0 && { costUsd }),
  };
}

function readEnd(reason: string, lastText: string | undefined): AgentEvent[] {
  if (GOES_ON.includes(reason)) return [];
  if (reason !== 'stop') return [{ type: 'done', isError: true, text: `the model stopped: ${reason}` }];
  return [{ type: 'done', isError: false, ...(lastText !== undefined && { text: lastText }) }];
}

function errorText(error: unknown, line: string): string {
  if (!isRecord(error)) return line;
  return textAt(recordAt(error, 'data'), 'message') ?? textAt(error, 'message') ?? textAt(error, 'name') ?? line;
}
