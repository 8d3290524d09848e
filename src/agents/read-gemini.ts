// Gemini CLI's `--output-format stream-json`: text comes in the pieces in which the model sent it, and is held back until
// something else follows, so that a sentence is one event.
import type { AgentEvent, StreamReader } from './events.ts';
import {
  amountAt,
  countAt,
  parseLine,
  recordAt,
  sessionIdAt,
  textAt,
  unknownEvent,
  type JsonRecord,
} from './stream-value.ts';

/** More is told in parts. */
const MAX_HELD_CHARACTERS = 64 * 1024;

export function createGeminiReader(): StreamReader {
  let held = '';
  let lastText: string | undefined;

  const release = (): AgentEvent[] => {
    if (held === '') return [];
    lastText = held;
    held = '';
    return [{ type: 'text', text: lastText }];
  };

  const readMessage = (value: JsonRecord, line: string): AgentEvent[] => {
    const text = textAt(value, 'content');
    // The prompt: whoever started the run has it.
    if (value['role'] === 'user') return release();
    if (text === undefined || value['role'] !== 'assistant') return [...release(), unknownEvent('message', line)];
    if (value['delta'] !== true) return [...release(), { type: 'text', text }];
    held += text;
    return held.length > MAX_HELD_CHARACTERS ? release() : [];
  };

  return {
    read(line) {
      const value = parseLine(line);
      if (Array.isArray(value)) return [...release(), ...value];
      if (value['type'] === 'message') return readMessage(value, line);
      return [...release(), ...readOther(value, line, () => lastText)];
    },
    end: release,
  };
}

function readOther(value: JsonRecord, line: string, lastText: () => string | undefined): AgentEvent[] {
  const type = textAt(value, 'type') ?? 'no-type';
  const id = textAt(value, 'tool_id') ?? '';
  const message = textAt(recordAt(value, 'error'), 'message');
  switch (type) {
    case 'init': {
      const sessionId = sessionIdAt(value, 'session_id');
      const model = textAt(value, 'model');
      if (sessionId === undefined) return [unknownEvent(type, line)];
      return [{ type: 'session', sessionId, ...(model !== undefined && { model }) }];
    }
    case 'tool_use':
      return [
        { type: 'tool-call', id, name: textAt(value, 'tool_name') ?? 'a tool', input: value['parameters'] ?? {} },
      ];
    case 'tool_result': {
      const output = textAt(value, 'output') ?? message ?? '';
      return [{ type: 'tool-result', id, output, isError: value['status'] === 'error' }];
    }
    case 'error':
      return [{ type: 'notice', text: textAt(value, 'message') ?? line }];
    case 'result': {
      const stats = recordAt(value, 'stats');
      const inputTokens = countAt(stats, 'input_tokens');
      // What it thought is in the total alone.
      const outputTokens = Math.max(countAt(stats, 'output_tokens'), countAt(stats, 'total_tokens') - inputTokens);
      const durationMs = amountAt(stats, 'duration_ms');
      const isError = value['status'] !== 'success';
      const text = message ?? (isError ? undefined : lastText());
      return [
        { type: 'usage', scope: 'total', inputTokens, outputTokens },
        { type: 'done', isError, ...(text !== undefined && { text }), ...(durationMs !== undefined && { durationMs }) },
      ];
    }
    default:
      return [unknownEvent(type, line)];
  }
}
