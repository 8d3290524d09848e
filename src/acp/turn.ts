// One prompt of an editor's as one run: launched, told as it goes, cancelled, and closed with what the editor's user has to know.
import {
  methods,
  type AgentContext,
  type ContentBlock,
  type PromptResponse,
  type StopReason,
} from '@agentclientprotocol/sdk';
import {
  diffCage,
  followRun,
  IronError,
  launchRun,
  stopRun,
  type CageOptions,
  type Context,
  type RunInfo,
} from '../index.ts';
import { text, updatesOf } from './updates.ts';

export interface Session {
  /** Its newest run, by which its agent goes on. */
  last?: string;
  /** While a prompt is worked on. */
  turn?: { run?: string; cancelled: boolean };
}

type Turn = NonNullable<Session['turn']>;

interface TurnRequest {
  agent: string;
  project: string;
  /** Of the cage, where one is made. */
  options: CageOptions;
}

interface Prompt {
  session: Session;
  turn: Turn;
  client: AgentContext;
  sessionId: string;
  prompt: ContentBlock[];
}

/** Resolves when its run has ended. */
export async function workOn(context: Context, request: TurnRequest, given: Prompt): Promise<PromptResponse> {
  const { session, turn, client, sessionId } = given;
  const run = await launchRun(context, {
    agent: request.agent,
    prompt: textOf(given.prompt),
    ...(session.last === undefined
      ? { directory: request.project, options: request.options }
      : { resume: session.last }),
  });
  turn.run = run.id;
  session.last = run.id;
  // It was cancelled before there was anything to stop.
  if (turn.cancelled) await stopRun(context, run.id);
  let ended: RunInfo | undefined;
  for await (const event of followRun(context, run.id)) {
    if (event.kind === 'end') ended = event.record;
    if (event.kind !== 'event') continue;
    for (const update of updatesOf(event.event, run.id)) {
      await client.notify(methods.client.session.update, { sessionId, update });
    }
  }
  const lines = await closing(context, ended ?? run);
  if (lines !== '') {
    const update = { sessionUpdate: 'agent_message_chunk' as const, content: text(lines) };
    await client.notify(methods.client.session.update, { sessionId, update });
  }
  return { stopReason: stopReasonOf(turn, ended) };
}

function stopReasonOf(turn: Turn, ended: RunInfo | undefined): StopReason {
  if (turn.cancelled || ended?.reason?.code === 'user' || ended?.reason?.code === 'interrupted') return 'cancelled';
  if (ended?.reason?.code === 'budget-tokens') return 'max_tokens';
  return 'end_turn';
}

/** What ironcage itself has to say at the end: how it went where it went wrong, and where the change is. */
async function closing(context: Context, { cage, id, status, reason, exitCode }: RunInfo): Promise<string> {
  const { files } = await diffCage(context, cage);
  const changed = `${files.length} ${files.length === 1 ? 'file differs' : 'files differ'} in the cage ${cage}`;
  return [
    ...(status === 'done'
      ? []
      : [
          `[ironcage] The run ${id} is ${status}: ${reason?.message ?? `exit code ${exitCode}`}; \`ironcage logs ${id}\` shows all of it.`,
        ]),
    ...(files.length === 0
      ? []
      : [
          `[ironcage] ${changed}. \`ironcage diff ${cage}\` and \`ironcage review ${cage}\` show the change, \`ironcage apply ${cage}\` takes it over.`,
        ]),
  ]
    .map((line) => `\n\n${line}`)
    .join('');
}

export async function cancel(context: Context, turn: Turn): Promise<void> {
  turn.cancelled = true;
  if (turn.run !== undefined) await stopRun(context, turn.run);
}

/** The prompt as one text. A link is a name: what it leads to is in the cage's copy, or not in the cage at all. */
function textOf(prompt: readonly ContentBlock[]): string {
  return prompt
    .map((block) => {
      switch (block.type) {
        case 'text':
          return block.text;
        case 'resource_link':
          return `[${block.name}](${block.uri})`;
        case 'resource':
          return 'text' in block.resource
            ? `${block.resource.uri}:\n\`\`\`\n${block.resource.text}\n\`\`\``
            : block.resource.uri;
        case 'image':
        case 'audio':
          throw new IronError('E_USAGE', {
            message: `a prompt cannot have ${block.type === 'image' ? 'an image' : 'a sound'} here`,
            hint: 'describe it, or put the file into the project',
          });
        default:
          return block satisfies never;
      }
    })
    .join('\n\n');
}
