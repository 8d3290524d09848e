// `run`: the main job. Starts an agent in the project's cage and says afterwards what changed and what was refused.
import { IronError, toIronError } from '../../platform/errors.ts';
import { CAGE_OPTIONS, givenCageOptions, readCageOptions } from '../cage-options.ts';
import type { Command, Invocation, Opened, Session } from '../command.ts';
import { outline } from '../outline.ts';
import { printRunSummary } from '../run-summary.ts';

export const run: Command = {
  kind: 'command',
  name: 'run',
  summary: 'run an agent in the cage of a project: the main job',
  notes: [
    'The cage is made if there is none, and used again if there is one.',
    'Options stand before --; what follows is the agent’s. The exit code is the agent’s.',
    'What changed and what was refused is printed to stderr at the end; with --json as one JSON line.',
  ],
  arguments: [
    { name: 'AGENT', summary: 'a profile of `ironcage agents list`, or shell', required: true },
    { name: 'DIR', summary: 'the project, or a git URL; default: the git root of this directory', required: false },
  ],
  passed: { name: 'ARGS…', summary: 'arguments of the agent; for shell: a command', required: false },
  options: [
    ...CAGE_OPTIONS,
    { name: 'new', summary: 'make a new cage even if the project has one' },
    { name: 'rm', summary: 'remove the cage at the end, unless it holds unexported work' },
    { name: 'no-attach', conflicts: ['rm', 'new'], summary: 'start the cage, print its name, do not start the agent' },
    { name: 'dry-run', summary: 'print the plan, touch nothing' },
  ],
  examples: [
    { line: 'ironcage run claude', does: 'Claude Code on this project, in a cage' },
    { line: 'ironcage run claude --allow npm -- -p "fix the tests"', does: 'one prompt; npm packages may be fetched' },
    { line: 'ironcage run shell -- npm test', does: 'one command in the cage of this project' },
  ],
  handler: async (invocation, session) => {
    const agent = invocation.word('AGENT') ?? '';
    const directory = invocation.word('DIR');
    const opened = await session.open();
    const { library, context } = opened;
    const options = readCageOptions(invocation.flags, agent);
    if (invocation.flags.on('dry-run')) {
      const plan = await library.planCage(context, directory, options);
      if (session.output.json) session.output.document(plan);
      else for (const line of outline(plan)) session.output.line(line);
      return 0;
    }
    if (invocation.flags.on('no-attach')) {
      const name = await startDetached(opened, session, invocation, agent);
      if (session.output.json) session.output.document({ cage: name });
      else session.output.line(name);
      return 0;
    }
    const outcome = await library.runAgent(context, {
      agent,
      args: [...(invocation.passed ?? [])],
      options: {
        ...options,
        fresh: invocation.flags.on('new'),
        remove: invocation.flags.on('rm'),
        terminal: session.terminal,
      },
      ...(directory === undefined ? {} : { directory }),
    });
    printRunSummary(outcome, session.output);
    return outcome.exitCode;
  },
};

/** Starts the project's cage, or makes it. Options that would change a cage that exists are refused, not dropped. */
async function startDetached(
  { library, context }: Opened,
  session: Session,
  { flags, word }: Invocation,
  agent: string,
): Promise<string> {
  const directory = word('DIR');
  const named = flags.text('name');
  const existing = await library
    .resolveCageName(context, named, directory ?? session.cwd)
    .catch((error: unknown): undefined => {
      if (toIronError(error).code === 'E_NO_CAGE') return undefined;
      throw error;
    });
  if (existing === undefined) {
    const { name } = await library.createCage(context, directory, readCageOptions(flags, agent));
    await library.startCage(context, name);
    return name;
  }
  const given = givenCageOptions(flags);
  if (given.length > 0) {
    throw new IronError('E_CAGE_EXISTS', {
      message: `the cage ${existing} exists, and ${given.join(', ')} cannot change it`,
      because: 'the options of a cage are fixed when it is made',
      hint: `leave the options out, change its rules with ironcage policy allow, or name another cage with --name`,
    });
  }
  await library.startCage(context, existing);
  return existing;
}
