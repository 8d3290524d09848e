// The SDK's own client at the real command line: what an outer agent has.
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { PROGRAM, type Sandbox } from './sandbox.ts';

export interface McpSession {
  client: Client;
  /** Calls a tool; `told` is all of its text, `facts` what ironcage itself says. */
  call(name: string, input: Record<string, unknown>, onProgress?: (line: string) => void): Promise<McpAnswer>;
  close(): Promise<void>;
}

interface McpAnswer {
  isError: boolean;
  facts: Record<string, unknown>;
  told: string;
  /** File URLs of the links. */
  links: string[];
}

export async function openMcp(
  sandbox: Sandbox,
  { args = [], cwd, env = {} }: { args?: readonly string[]; cwd?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<McpSession> {
  const environment = Object.entries({ ...sandbox.env, ...env }).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined;
  });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: ['--', PROGRAM, 'mcp', ...args],
    env: Object.fromEntries(environment),
    cwd: cwd ?? sandbox.directory,
    stderr: 'inherit',
  });
  const client = new Client({ name: 'a test', version: '1' });
  await client.connect(transport);
  return {
    client,
    async call(name, input, onProgress) {
      const result = await client.callTool(
        { name, arguments: input },
        {
          timeout: 110_000,
          ...(onProgress === undefined ? {} : { onprogress: ({ message }) => onProgress(message ?? '') }),
        },
      );
      const texts = result.content.flatMap((block) => (block.type === 'text' ? [block.text] : []));
      const facts: unknown = JSON.parse(texts[0] ?? 'null');
      if (typeof facts !== 'object' || facts === null) throw new Error(`no facts: ${texts.join('\n')}`);
      return {
        isError: result.isError === true,
        facts: { ...facts },
        told: texts.join('\n'),
        links: result.content.flatMap((block) => (block.type === 'resource_link' ? [block.uri] : [])),
      };
    },
    close: () => client.close(),
  };
}
