// Claude Code's `--output-format stream-json`: one message a line, each block of an answer in a message of its own.
import type { AgentEvent, StreamReader, UsageEvent } from './events.ts';
import {
  amountAt,
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

interface Used {
  inputTokens: number;
  outputTokens: number;
}

/** Answers whose usage is remembered: the messages of one follow each other, those of subagents in between. */
const MAX_ANSWERS = 64;

export function createClaudeReader(): StreamReader {
  const counted = new Map<string, Used>();
  const total = { inputTokens: 0, outputTokens: 0, costUsd: 0 };

  /** Every message of an answer repeats the usage of the answer: what an earlier one said is taken off. */
  const stepOf = (message: JsonRecord): UsageEvent[] => {
    const id = textAt(message, 'id') ?? '';
    const used = usedOf(recordAt(message, 'usage'));
    const before = counted.get(id) ?? { inputTokens: 0, outputTokens: 0 };
    const inputTokens = Math.max(0, used.inputTokens - before.inputTokens);
    const outputTokens = Math.max(0, used.outputTokens - before.outputTokens);
    if (inputTokens + outputTokens === 0) return [];
    counted.delete(id);
    counted.set(id, {
      inputTokens: before.inputTokens + inputTokens,
      outputTokens: before.outputTokens + outputTokens,
    });
    const [oldest] = counted.keys();
    if (counted.size > MAX_ANSWERS && oldest !== undefined) counted.delete(oldest);
    const model = textAt(message, 'model');
    return [{ type: 'usage', scope: 'step', inputTokens, outputTokens, ...(model !== undefined && { model }) }];
  };

  /**
   * `modelUsage` and `total_cost_usd` are of the session, with the runs that it resumes. Their growth since the last result
   * is this run's; a run has one result for each turn that it was given. Releases that do not tell it tell the main
   * conversation's tokens alone.
   */
  const totalOf = (result: JsonRecord): UsageEvent => {
    const grown = result['model_usage_since_last_result'];
    if (isRecord(grown)) {
      for (const name of Object.keys(grown)) {
        const model = recordAt(grown, name);
        total.inputTokens +=
          countAt(model, 'inputTokens') +
          countAt(model, 'cacheReadInputTokens') +
          countAt(model, 'cacheCreationInputTokens');
        total.outputTokens += countAt(model, 'outputTokens');
        total.costUsd += amountAt(model, 'costUSD') ?? 0;
      }
    } else {
      const used = usedOf(recordAt(result, 'usage'));
      total.inputTokens += used.inputTokens;
      total.outputTokens += used.outputTokens;
      // A line that somebody else in the cage wrote does not lower it.
      total.costUsd = Math.max(total.costUsd, amountAt(result, 'total_cost_usd') ?? 0);
    }
    return { type: 'usage', scope: 'total', ...total };
  };

  return {
    read(line) {
      const value = parseLine(line);
      if (Array.isArray(value)) return value;
      switch (value['type']) {
        case 'system':
          return readSystem(value, line);
        case 'assistant': {
          const message = recordAt(value, 'message');
          return [...readBlocks(message, 'assistant', line), ...stepOf(message)];
        }
        case 'user':
          return readBlocks(recordAt(value, 'message'), 'user', line);
        case 'result':
          return [totalOf(value), readResult(value)];
        default:
          return [unknownEvent(textAt(value, 'type') ?? 'no-type', line)];
      }
    },
  };
}

function usedOf(usage: JsonRecord): Used {
  return {
    inputTokens:
      countAt(usage, 'input_tokens') +
      countAt(usage, 'cache_read_input_tokens') +
      countAt(usage, 'cache_creation_input_tokens'),
    outputTokens: countAt(usage, 'output_tokens'),
  };
}

function readSystem(value: JsonRecord, line: string): AgentEvent[] {
  const kind = textAt(value, 'subtype') ?? '';
  const sessionId = sessionIdAt(value, 'session_id');
  if (kind === 'init' && sessionId !== undefined) {
    const model = textAt(value, 'model');
    return [{ type: 'session', sessionId, ...(model !== undefined && { model }) }];
  }
  // An estimate while it thinks, several a second; the answer's usage says it in truth.
  if (kind === 'thinking_tokens') return [];
  return [unknownEvent(`system/${kind}`, line)];
}

function readBlocks(message: JsonRecord, role: 'assistant' | 'user', line: string): AgentEvent[] {
  const content = message['content'];
  if (role === 'assistant' && typeof content === 'string') return [{ type: 'text', text: content }];
  const blocks = recordsAt(message, 'content');
  if (blocks.length === 0) return [unknownEvent(role, line)];
  return blocks.map((block) => readBlock(block, role));
}

function readBlock(block: JsonRecord, role: 'assistant' | 'user'): AgentEvent {
  const type = textAt(block, 'type');
  const text = textAt(block, 'text');
  if (role === 'assistant' && type === 'text' && text !== undefined) return { type: 'text', text };
  if (type === 'thinking') return { type: 'thinking', text: textAt(block, 'thinking') ?? '' };
  const called = type === 'tool_use' || type === 'server_tool_use' || type === 'mcp_tool_use';
  if (called) {
    const [id, name] = [textAt(block, 'id') ?? '', textAt(block, 'name') ?? 'a tool'];
    return { type: 'tool-call', id, name, input: block['input'] ?? {} };
  }
  const id = textAt(block, 'tool_use_id');
  if (id !== undefined) {
    return { type: 'tool-result', id, output: resultText(block['content']), isError: block['is_error'] === true };
  }
  return unknownEvent(`${role}/${type ?? 'no-type'}`, JSON.stringify(block));
}

function resultText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (content === undefined || content === null) return '';
  if (!Array.isArray(content)) return JSON.stringify(content);
  return content
    .map((part: unknown) => {
      if (!isRecord(part)) return JSON.stringify(part);
      const type = textAt(part, 'type') ?? 'no-type';
      return type === 'text' ? (textAt(part, 'text') ?? '') : type === 'image' ? '[image]' : JSON.stringify(part);
    })
    .join('\n');
}

function readResult(value: JsonRecord): AgentEvent {
  const subtype = textAt(value, 'subtype');
  const errors = Array.isArray(value['errors']) ? value['errors'].filter((each) => typeof each === 'string') : [];
  const text = textAt(value, 'result') ?? (errors.length > 0 ? errors.join('\n') : subtype);
  const durationMs = amountAt(value, 'duration_ms');
  return {
    type: 'done',
    isError: value['is_error'] === true || (subtype !== undefined && subtype.startsWith('error')),
    ...(text !== undefined && { text }),
    ...(durationMs !== undefined && { durationMs }),
    turns: countAt(value, 'num_turns'),
  };
}
