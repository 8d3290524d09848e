// Streams that real agents wrote in a cage to a scripted model, for tests of what reads them.
import { readFileSync } from 'node:fs';
import type { AgentEvent, StreamReader } from '../../src/agents/events.ts';

export function recordedLines(name: string): string[] {
  return readFileSync(new URL(`../recorded/${name}.jsonl`, import.meta.url), 'utf8').split('\n');
}

export function readRecorded(name: string, reader: StreamReader): AgentEvent[] {
  return recordedLines(name).flatMap((line) => reader.read(line));
}
