// An agent in a cage for an editor that speaks the Agent Client Protocol: a prompt is a run that goes on with the agent's session.
// What the editor offers of this machine, its files and terminals, is never used: the way out of a cage is a reviewed change.
import { Readable, Writable } from 'node:stream';
import {
  agent as createAgent,
  methods,
  ndJsonStream,
  PROTOCOL_VERSION,
  RequestError,
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
  openContext,
  planCage,
  stopRun,
  toIronError,
  type CageOptions,
  type Context,
  type ContextOptions,
  type RunInfo,
} from '../index.ts';
import { text, updatesOf } from './updates.ts';

export interface AcpRequest {
  version: string;
  /** Profile of the agent. */
  agent: string;
  /** Absolute: sessions of another directory are refused. */
  project: string;
  /** Of the cage, where one is made. */
  options: CageOptions;
  context: ContextOptions;
}

interface Session {
  /** Its newest run, by which its agent goes on. */
  last?: string;
  /** While a prompt is worked on. */
  turn?: { run?: string; cancelled: boolean };
}

/** Resolves when the editor has gone; what it left running is stopped. */
export async function serveAcp(request: AcpRequest): Promise<void> {
  const context = openContext(request.context);
  const sessions = new Map<string, Session>();
  const find = (id: string): Session => {
    const session = sessions.get(id);
    if (session === undefined) throw RequestError.invalidParams({ sessionId: id }, 'there is no such session here');
    return session;
  };
  const app = createAgent({ name: 'ironcage' })
    .onRequest(methods.agent.initialize, () => ({
      protocolVersion: PROTOCOL_VERSION,
      agentInfo: { name: 'ironcage', title: `${request.agent} in a cage`, version: request.version },
      agentCapabilities: { loadSession: false, promptCapabilities: { embeddedContext: true } },
      authMethods: [],
    }))
    .onRequest(methods.agent.session.new, async ({ params }) => {
      const { project } = await told(() => projectOf(context, params.cwd, request.options));
      const own = await told(() => projectOf(context, request.project, request.options));
      if (project !== own.project) {
        throw RequestError.invalidParams(
          { cwd: params.cwd },
          `this agent is for ${own.project}: start another one there`,
        );
      }
      const sessionId = `cage-${globalThis.crypto.randomUUID()}`;
      sessions.set(sessionId, {});
      return { sessionId };
    })
    .onRequest(methods.agent.session.prompt, async ({ params, client }) => {
      const session = find(params.sessionId);
      if (session.turn !== undefined)
        throw RequestError.invalidRequest({}, 'a prompt of this session is worked on already');
      const turn = { cancelled: false };
      session.turn = turn;
      try {
        return await told(() => work(context, request, { session, turn, client, ...params }));
      } finally {
        delete session.turn;
      }
    })
    .onNotification(methods.agent.session.cancel, async ({ params }) => {
      const turn = sessions.get(params.sessionId)?.turn;
      if (turn !== undefined) await cancel(context, turn);
    });
  const connection = app.connect(ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin)));
  await connection.closed;
  for (const { turn } of sessions.values()) if (turn !== undefined) await cancel(context, turn).catch(() => undefined);
}

type Turn = NonNullable<Session['turn']>;

interface Prompt {
  session: Session;
  turn: Turn;
  client: AgentContext;
  sessionId: string;
  prompt: ContentBlock[];
}

async function work(context: Context, request: AcpRequest, given: Prompt): Promise<PromptResponse> {
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

async function cancel(context: Context, turn: Turn): Promise<void> {
  turn.cancelled = true;
  if (turn.run !== undefined) await stopRun(context, turn.run);
}

/** The project around a directory, as a cage of it would have it. */
async function projectOf(context: Context, directory: string, options: CageOptions): Promise<{ project: string }> {
  const { project } = await planCage(context, directory, options);
  return { project };
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

/** A failure as an editor shows it: what happened, and what to do. */
async function told<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof RequestError) throw error;
    const { code, message, because, hint } = toIronError(error);
    const why = because === undefined ? '' : ` (${because})`;
    throw RequestError.internalError({ code, hint }, `${message}${why}; try: ${hint}`);
  }
}
