// An agent in a cage for an editor that speaks the Agent Client Protocol: a prompt is a run that goes on with the agent's session.
// What the editor offers of this machine, its files and terminals, is never used: the way out of a cage is a reviewed change.
import { Readable, Writable } from 'node:stream';
import { agent as createAgent, methods, ndJsonStream, PROTOCOL_VERSION, RequestError } from '@agentclientprotocol/sdk';
import { openContext, planCage, toIronError, type CageOptions, type Context, type ContextOptions } from '../index.ts';
import { cancel, workOn, type Session } from './turn.ts';

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
        return await told(() => workOn(context, request, { session, turn, client, ...params }));
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

/** The project around a directory, as a cage of it would have it. */
async function projectOf(context: Context, directory: string, options: CageOptions): Promise<{ project: string }> {
  const { project } = await planCage(context, directory, options);
  return { project };
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
