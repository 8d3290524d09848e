// Tools that make, show and remove cages. What a new cage may reach, mount and use was said by whoever started this server: a caller
// cannot widen it.
import * as z from 'zod';
import { createCage, listCages, removeCage, showCage, type CageOptions, type CageView } from '../index.ts';
import type { AddTool } from './tool.ts';

export const CAGE = z
  .string()
  .optional()
  .describe('name of the cage; default: the cage of the project the server was started in');

const LISTED = 40;

/** `options`: of every cage that is made. */
export function addCageTools(add: AddTool, options: CageOptions): void {
  add({
    name: 'create',
    title: 'Make a cage',
    description:
      'Makes a cage over a project: a copy of it in which an agent can do anything and harm nothing. Nothing runs in it yet. Which hosts, secrets and directories it gets was decided by whoever set this server up.',
    input: z.strictObject({
      source: z
        .string()
        .optional()
        .describe('a directory or a git URL; default: the project the server was started in'),
      name: z.string().optional().describe('small letters, digits and dashes; default: made of the directory’s name'),
      agent: z
        .string()
        .optional()
        .describe('claude, codex, gemini, opencode or another profile: the cage gets its hosts and its secret'),
      net: z.literal('none').optional().describe('none: nothing leaves the cage at all, not even to a model'),
      memory: z.string().optional().describe('limit of memory, such as 4g'),
      cpus: z.string().optional().describe('limit of processors, such as 1.5'),
    }),
    async call({ source, ...wanted }, { context, tell }) {
      tell('making the cage');
      const view = await createCage(context, source, { ...options, ...wanted });
      return { facts: factsOf(view), fromCage: undefined };
    },
  });
  add({
    name: 'status',
    title: 'Cages and what they may do',
    description:
      'Without a name: all cages. With one: what it can reach, and whether it holds work that is nowhere else.',
    readOnly: true,
    input: z.strictObject({ cage: z.string().optional().describe('name of a cage') }),
    async call({ cage }, { context }) {
      if (cage !== undefined) return { facts: factsOf(await showCage(context, cage)) };
      const cages = await listCages(context);
      return {
        facts: {
          cages: cages
            .slice(0, LISTED)
            .map(({ name, status, project, unexported }) => ({ name, status, project, unexported })),
          ...(cages.length > LISTED ? { more: cages.length - LISTED } : {}),
        },
      };
    },
  });
  add({
    name: 'remove',
    title: 'Remove a cage',
    description:
      'Stops a cage and moves it into the trash, where it stays for seven days. Refused while it holds work that was not taken over.',
    destructive: true,
    input: z.strictObject({
      cage: z.string().describe('name of the cage; there is no default'),
      discard: z.boolean().default(false).describe('also when it holds work that was not taken over'),
    }),
    async call({ cage, discard }, { context }) {
      await removeCage(context, cage, { discard });
      return { facts: { removed: cage, wayBack: `ironcage restore --trash ${cage}` } };
    },
  });
}

function factsOf(view: CageView): Record<string, unknown> {
  const { name, status, backend, workspace, net, project, agent, unexported, exposure, problems, leftOut } = view;
  return {
    ...{ cage: name, status, backend, workspace, net, project, agent, unexported, exposure },
    ...(problems.length === 0 ? {} : { problems }),
    ...(leftOut.length === 0 ? {} : { filesLeftOut: leftOut.length }),
  };
}
