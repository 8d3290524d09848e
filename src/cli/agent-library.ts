// What the command line asks of the library about agents.
import type { Context } from './library-context.ts';

export interface AgentLibrary {
  listAgents(
    context: Context,
  ): Promise<readonly { name: string; title: string; hosts: readonly string[]; secrets: readonly string[] }[]>;
  /** Returns the path of its file. */
  createAgent(context: Context, name: string, from: string): Promise<string>;
  /** Throws with every mistake of the file. */
  checkAgent(context: Context, name: string): Promise<unknown>;
  exportAgent(context: Context, name: string): Promise<string>;
  removeAgent(context: Context, name: string): Promise<void>;
  /** Opens the user's editor on the file, to its end. */
  editAgent(context: Context, name: string): Promise<void>;
}
