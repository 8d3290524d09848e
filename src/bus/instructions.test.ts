import { expect, test } from 'vitest';
import { faultsOf } from '../guest/message-types.mjs';
import { MESSAGE_SERVER, messagingInstructions } from './instructions.ts';

test('every command line that an agent is shown sends a message that is one', () => {
  const lines = [...messagingInstructions('claude').matchAll(/cage-send (\S+) '([^']+)'/g)];
  expect(lines.length).toBeGreaterThan(4);
  for (const [, type = '', payload = ''] of lines)
    expect(faultsOf('cage', type, JSON.parse(payload)), type).toEqual([]);
});

test('an agent hears of the tools only where it has them, and of servers in the background always', () => {
  expect(messagingInstructions('claude', true)).toContain('ask_question');
  expect(messagingInstructions('shell')).not.toContain('ask_question');
  expect(messagingInstructions('shell')).toContain('no servers');
  expect(MESSAGE_SERVER.command).toBe('/ironcage/bin/cage-mcp');
});
