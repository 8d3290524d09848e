// What an agent says, as events: its own reader behind the bounds that hold for all of them.
import type { AgentEvent, StreamReader } from '../agents/events.ts';
import { agentProfile } from '../cage/agent-profiles.ts';
import type { Context } from '../cage/context.ts';
import { splitLines, type Line } from './lines.ts';

export interface AgentStream {
  push(piece: Buffer): AgentEvent[];
  rest(): AgentEvent[];
}

export function readAgent(reader: StreamReader): AgentStream {
  const lines = splitLines();
  const events = (line: Line): AgentEvent[] =>
    line.tooLong === undefined
      ? reader.read(line.text)
      : [{ type: 'unknown', kind: `a line of ${line.tooLong} bytes`, raw: line.text }];
  return {
    push: (piece) => lines.push(piece).flatMap(events),
    rest: () => [...lines.rest().flatMap(events), ...(reader.end?.() ?? [])],
  };
}

/** An agent that is not known any more is read line by line. */
export async function readerOf(context: Context, agent: string): Promise<StreamReader> {
  try {
    const reader = (await agentProfile(context, agent)).headless?.createReader();
    if (reader !== undefined) return reader;
  } catch {
    // Taken away since.
  }
  return { read: (raw) => [{ type: 'unknown', kind: 'line', raw }] };
}
