// A run for a model: how it stands, and what happens in it as lines, one a thing that was said, printable and short.
import { printableLine, type RunEvent, type RunInfo } from '../index.ts';

const LINE_CHARACTERS = 400;

/** One line a thing that was said; `characters` of each at most. */
export function linesOf(event: RunEvent, characters = LINE_CHARACTERS): string[] {
  const line = (head: string, text: string): string[] => {
    const shown = printableLine(text.slice(0, characters === Infinity ? undefined : characters));
    return [`${head}${shown}${text.length > characters ? '…' : ''}`];
  };
  if (event.kind === 'stderr') return line('stderr: ', event.text);
  if (event.kind === 'note') return line('note: ', event.text);
  if (event.kind === 'end') return line('ended: ', event.record.status);
  const said = event.event;
  switch (said.type) {
    case 'text':
    case 'thinking':
    case 'notice':
      return said.text === '' ? [] : line(`${said.type}: `, said.text);
    case 'tool-call':
      return line(`call ${printableLine(said.name.slice(0, 60))}: `, JSON.stringify(said.input) ?? '');
    case 'tool-result':
      return line(said.isError ? 'failed: ' : 'result: ', said.output);
    case 'done':
      return line(said.isError ? 'done, with an error: ' : 'done: ', said.text ?? '');
    case 'unknown':
      return line(`${printableLine(said.kind.slice(0, 60))}: `, said.raw);
    case 'session':
    case 'usage':
      return [];
    default:
      return said satisfies never;
  }
}

export function factsOf({
  id,
  cage,
  agent,
  status,
  exitCode,
  reason,
  costUsd,
  inputTokens,
  outputTokens,
}: RunInfo): Record<string, unknown> {
  return {
    ...{ run: id, cage, agent, status, exitCode },
    ...(reason === null ? {} : { reason }),
    ...{ costUsd, inputTokens, outputTokens },
  };
}
