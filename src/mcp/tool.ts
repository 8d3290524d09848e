// A tool as a value, and how it is called: with a context of its own, whose progress goes to whoever asked for it, and with every
// failure told by code and hint. Must not know what any tool does.
import type { McpServer, ServerContext, StandardSchemaWithJSON } from '@modelcontextprotocol/server';
import type * as z from 'zod';
import {
  openContext,
  printableLine,
  resolveCageName,
  toIronError,
  type Context,
  type ContextOptions,
} from '../index.ts';
import { toFailure, toResult, type Answer } from './answer.ts';

const MAX_LINE = 300;

interface Tool<Input extends z.ZodObject> {
  name: string;
  /** For people, in a list of tools. */
  title: string;
  /** For the model: what it does, when to use it. */
  description: string;
  input: Input;
  /** Changes nothing anywhere. */
  readOnly?: true;
  /** Takes something away, or changes the project on the host. */
  destructive?: true;
  call(input: z.output<Input>, call: Call): Promise<Answer>;
}

/** One call of a tool. */
interface Call {
  context: Context;
  /** Aborts when the client does not want the answer any more. */
  signal: AbortSignal;
  /** One line about work that goes on. */
  tell: (line: string) => void;
  /** The cage that was named, else the one of the directory that the server was started in. Throws E_NO_CAGE. */
  cage: (named: string | undefined) => Promise<string>;
}

export type AddTool = <Input extends z.ZodObject>(tool: Tool<Input>) => void;

export function addToolsTo(server: McpServer, options: ContextOptions): AddTool {
  return (tool) => {
    const { name, title, description, input } = tool;
    // As a schema of anything: a callback cannot be typed by a schema that is still open.
    const inputSchema: StandardSchemaWithJSON = input;
    const annotations = {
      readOnlyHint: tool.readOnly === true,
      destructiveHint: tool.destructive === true,
      openWorldHint: false,
    };
    const handle = async (given: unknown, { mcpReq }: ServerContext) => {
      const tell = createTeller(mcpReq);
      const context = openContext({ ...options, progress: tell });
      try {
        const answer = await tool.call(input.parse(given), {
          context,
          signal: mcpReq.signal,
          tell,
          cage: (named) => resolveCageName(context, named, context.cwd),
        });
        return toResult(answer);
      } catch (error) {
        return toFailure(toIronError(error));
      }
    };
    server.registerTool(name, { title, description, inputSchema, annotations }, handle);
  };
}

/** Progress goes only to a client that asked for it, and is no reason to fail. */
function createTeller({ _meta, notify }: ServerContext['mcpReq']): (line: string) => void {
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) return () => undefined;
  let progress = 0;
  return (line) => {
    progress += 1;
    notify({
      method: 'notifications/progress',
      params: { progressToken, progress, message: printableLine(line).slice(0, MAX_LINE) },
    }).catch(() => undefined);
  };
}
