// What a caged agent tells, as an editor is told it. All of it comes from inside a cage: it is made printable and bounded here, and no
// path in it is given to the editor as one to open: the cage's file is not the editor's.
import type { SessionUpdate, ToolKind } from '@agentclientprotocol/sdk';
import { printable, printableLine, type AgentEvent } from '../index.ts';

/** Of one text or tool's output. */
const TEXT_CHARACTERS = 50_000;
const TITLE_CHARACTERS = 160;
const ID_CHARACTERS = 200;
const INPUT_CHARACTERS = 4_000;

/** `run`: its events' tool calls are told apart from those of other runs by it. */
export function updatesOf(event: AgentEvent, run: string): SessionUpdate[] {
  switch (event.type) {
    case 'thinking':
      return event.text === '' ? [] : [{ sessionUpdate: 'agent_thought_chunk', content: text(event.text) }];
    case 'notice':
      return [{ sessionUpdate: 'agent_thought_chunk', content: text(event.text) }];
    case 'text':
      return event.text === '' ? [] : [{ sessionUpdate: 'agent_message_chunk', content: text(event.text) }];
    case 'tool-call':
      return [
        {
          sessionUpdate: 'tool_call',
          toolCallId: `${run}:${printableLine(event.id.slice(0, ID_CHARACTERS))}`,
          title: titleOf(event.name, event.input),
          kind: kindOf(event.name),
          status: 'in_progress',
          content: [
            { type: 'content', content: text(JSON.stringify(event.input, undefined, 1) ?? '', INPUT_CHARACTERS) },
          ],
        },
        ...planOf(event.input),
      ];
    case 'tool-result':
      return [
        {
          sessionUpdate: 'tool_call_update',
          toolCallId: `${run}:${printableLine(event.id.slice(0, ID_CHARACTERS))}`,
          status: event.isError ? 'failed' : 'completed',
          content: [{ type: 'content', content: text(event.output) }],
        },
      ];
    case 'done':
      // A text of its own only where something went wrong: otherwise it was said already.
      return event.isError && event.text !== undefined && event.text !== ''
        ? [{ sessionUpdate: 'agent_message_chunk', content: text(event.text) }]
        : [];
    case 'session':
    case 'usage':
    case 'unknown':
      // Nothing that an editor has a place for; `ironcage logs` shows it.
      return [];
    default:
      return event satisfies never;
  }
}

export function text(content: string, characters = TEXT_CHARACTERS): { type: 'text'; text: string } {
  const rest = content.length - characters;
  const kept = rest > 0 ? `${content.slice(0, characters)}\n… ${rest} characters more` : content;
  return { type: 'text', text: printable(kept) };
}

/** What agents call what they work on, the telling one first. */
const SUBJECTS = ['command', 'file_path', 'path', 'pattern', 'query', 'url', 'description', 'prompt'];

function titleOf(name: string, input: unknown): string {
  const subject = SUBJECTS.map((key) => fieldOf(input, key)).find((value) => typeof value === 'string' && value !== '');
  const title = typeof subject === 'string' ? `${name}: ${subject}` : name;
  return printableLine(title.length > TITLE_CHARACTERS ? `${title.slice(0, TITLE_CHARACTERS)}…` : title);
}

/** By the words that agents have for their tools. */
const KINDS: readonly (readonly [RegExp, ToolKind])[] = [
  [/^(bash|shell|exec|execute|run|local_shell|command)/, 'execute'],
  [/^(multi_?edit|edit|write|replace|patch|apply|file_change|notebookedit|str_replace|create)/, 'edit'],
  [/^(read|view|cat|open|notebookread)/, 'read'],
  [/^(grep|glob|search|find|ls|list)/, 'search'],
  [/^(web_?fetch|fetch|web)/, 'fetch'],
  [/^(delete|remove|rm)/, 'delete'],
  [/^(think|todo|plan|update_plan)/, 'think'],
];

function kindOf(name: string): ToolKind {
  const word = name.toLowerCase();
  return KINDS.find(([shape]) => shape.test(word))?.[1] ?? 'other';
}

const PLAN_STATUS = { pending: 'pending', in_progress: 'in_progress', completed: 'completed' } as const;
const PLAN_ENTRIES = 100;

/** A list of steps, where the tool is handed one: `todos` of some agents, `plan` of others. */
function planOf(input: unknown): SessionUpdate[] {
  const steps = fieldOf(input, 'todos') ?? fieldOf(input, 'plan');
  if (!Array.isArray(steps)) return [];
  const entries = steps.slice(0, PLAN_ENTRIES).flatMap((step: unknown) => {
    const content = fieldOf(step, 'content') ?? fieldOf(step, 'step');
    const status = Object.entries(PLAN_STATUS).find(([word]) => word === fieldOf(step, 'status'))?.[1];
    if (typeof content !== 'string' || status === undefined) return [];
    return [{ content: printableLine(content.slice(0, 500)), status, priority: 'medium' as const }];
  });
  return entries.length === 0 ? [] : [{ sessionUpdate: 'plan', entries }];
}

function fieldOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([name]) => name === key)?.[1];
}
