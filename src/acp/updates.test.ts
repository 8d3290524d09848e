import { expect, test } from 'vitest';
import type { AgentEvent } from '../index.ts';
import { updatesOf } from './updates.ts';

const of = (event: AgentEvent) => updatesOf(event, 'r-1');

test('what an agent says becomes chunks, printable and bounded', () => {
  expect(of({ type: 'text', text: 'a\u001b]0;x\u0007\nb' })).toEqual([
    { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: 'a\\x1b]0;x\\x07\nb' } },
  ]);
  expect(of({ type: 'thinking', text: 'hm' })).toEqual([
    { sessionUpdate: 'agent_thought_chunk', content: { type: 'text', text: 'hm' } },
  ]);
  expect(JSON.stringify(of({ type: 'text', text: 'x'.repeat(200_000) })).length).toBeLessThan(51_000);
});

test('a tool call is told with what it is about, and its result by the same name', () => {
  const [call] = of({ type: 'tool-call', id: 't1', name: 'Bash', input: { command: 'npm test\nrm x' } });
  expect(call).toMatchObject({
    sessionUpdate: 'tool_call',
    toolCallId: 'r-1:t1',
    title: 'Bash: npm test\\nrm x',
    kind: 'execute',
    status: 'in_progress',
  });
  expect(of({ type: 'tool-result', id: 't1', output: 'no', isError: true })).toEqual([
    {
      sessionUpdate: 'tool_call_update',
      toolCallId: 'r-1:t1',
      status: 'failed',
      content: [{ type: 'content', content: { type: 'text', text: 'no' } }],
    },
  ]);
});

test('a path inside the cage is no place for the editor to open', () => {
  const told = JSON.stringify(of({ type: 'tool-call', id: 't', name: 'Edit', input: { file_path: '/etc/passwd' } }));
  expect(told).toContain('"kind":"edit"');
  expect(told).not.toContain('locations');
  expect(told).not.toContain('"diff"');
});

test('a list of steps becomes a plan; what is none does not', () => {
  const todos = [
    { content: 'first', status: 'completed', activeForm: 'x' },
    { content: 7, status: 'pending' },
    { content: 'second', status: 'strange' },
  ];
  expect(of({ type: 'tool-call', id: 't', name: 'TodoWrite', input: { todos } })).toContainEqual({
    sessionUpdate: 'plan',
    entries: [{ content: 'first', status: 'completed', priority: 'medium' }],
  });
  expect(of({ type: 'tool-call', id: 't', name: 'x', input: { plan: 'text' } })).toHaveLength(1);
});

test('an end is told only where something went wrong', () => {
  expect(of({ type: 'done', isError: false, text: 'said already' })).toEqual([]);
  expect(of({ type: 'done', isError: true, text: 'broke' })).toHaveLength(1);
  expect(of({ type: 'unknown', kind: 'odd', raw: '{}' })).toEqual([]);
});
