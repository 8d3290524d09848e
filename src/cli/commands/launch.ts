// `launch`: one run of an agent that works unattended. In the foreground it is followed to its end, and its exit code is ours.
import { onInterrupt } from '../../platform/interrupts.ts';
import { CAGE_OPTIONS, readBudget, readCageOptions } from '../cage-options.ts';
import type { Command, Invocation, Opened, Session } from '../command.ts';
import type { CageOptions } from '../library.ts';
import type { LaunchRequest, RunInfo } from '../run-library.ts';
import { readPrompt } from '../prompt-input.ts';
import { showRun } from '../show-run.ts';
import { usageError } from '../usage-error.ts';
import { parseVariables } from '../variables.ts';

export const launch: Command = {
  kind: 'command',
  name: 'launch',
  summary: 'run an agent unattended on one prompt, in the foreground or the background',
  notes: [
    'Without CAGE it is the cage of the current project, made if there is none; options of `run` say how. A cage can have several runs at once.',
    'In the foreground the run is followed, the exit code is the agent’s, and Ctrl-C stops the run. If this command is killed, the run goes on.',
    'The prompt goes to the agent by standard input. A budget that is reached stops the run, and `runs` says so.',
  ],
  arguments: [{ name: 'CAGE', summary: 'default: the cage of the current project', required: false }],
  passed: {
    name: 'ARGS…',
    summary: 'arguments of the agent; for shell: a command that gets the prompt',
    required: false,
  },
  options: [
    {
      name: 'agent',
      value: 'AGENT',
      summary: 'a profile of `ironcage agents list`, or shell, whose prompt is a script',
    },
    {
      name: 'prompt',
      short: 'p',
      value: 'TEXT',
      conflicts: ['prompt-file'],
      summary: 'what it is to do; - reads standard input',
    },
    { name: 'prompt-file', value: 'FILE', summary: 'the same from a file' },
    { name: 'resume', value: 'RUN', summary: 'go on with the agent’s own session of this run' },
    { name: 'background', conflicts: ['raw'], summary: 'print the id of the run and end; `logs -f` follows it' },
    { name: 'raw', summary: 'the bytes that the agent writes, as they are' },
    { name: 'model', value: 'MODEL', summary: 'a model by the agent’s own name of it' },
    { name: 'env', value: 'K=V', repeatable: true, summary: 'set a variable for this run' },
    { name: 'no-messaging', summary: 'tell it nothing of `cage-send` and `cage-wait`; see `outbox`' },
    { name: 'max-cost', value: 'USD', summary: 'stop the run when it has cost so much, as its agent tells' },
    { name: 'max-tokens', value: 'N', summary: 'stop it when it has used so many, in and out together' },
    { name: 'max-time', value: 'SPAN', summary: 'stop it after a time, such as 30m' },
    { name: 'max-bytes', value: 'SIZE', summary: 'stop it when so much has left the cage, such as 100MB' },
    ...CAGE_OPTIONS.filter(({ name }) => name !== 'env'),
    { name: 'new', summary: 'make a new cage even if the project has one' },
  ],
  examples: [
    { line: 'ironcage launch --agent claude -p "fix the failing test"', does: 'one prompt, followed to its end' },
    {
      line: 'ironcage launch --agent codex --prompt-file task.md --background',
      does: 'print the id of the run and come back',
    },
    {
      line: 'ironcage launch --agent claude --resume r-20261130-a1b2c3 -p "now the docs"',
      does: 'go on where that run ended',
    },
  ],
  handler: async (invocation, session) => {
    const { flags } = invocation;
    const opened = await session.open();
    const run = await opened.library.launchRun(opened.context, await requestOf(invocation, session, opened));
    const { output } = session;
    if (flags.on('background')) {
      if (output.json) output.document(run);
      else output.line(run.id);
      return 0;
    }
    output.note(`run ${run.id} in the cage ${run.cage}`);
    const release = stopOnInterrupt(opened, run);
    try {
      return exitCodeOf(await showRun(opened, session, run.id, { raw: flags.on('raw'), follow: true }));
    } finally {
      release();
    }
  },
};

async function requestOf(
  { flags, word, passed }: Invocation,
  session: Session,
  { library, context }: Opened,
): Promise<LaunchRequest<CageOptions>> {
  const cage = word('CAGE');
  const resume = flags.text('resume');
  const agent =
    flags.text('agent') ?? (resume === undefined ? undefined : (await library.findRun(context, resume)).agent);
  if (agent === undefined) {
    throw usageError('--agent is missing', {
      hint: 'name one, such as --agent claude; `ironcage agents list` shows them',
    });
  }
  const model = flags.text('model');
  return {
    agent,
    prompt: await readPrompt(flags, session),
    args: [...(passed ?? [])],
    env: parseVariables(flags.list('env')),
    budget: readBudget(flags, 'max-'),
    ...(flags.on('no-messaging') && { messaging: false }),
    // Variables are the run's own, not the cage's.
    options: { ...readCageOptions(flags, agent), env: [], fresh: flags.on('new') },
    ...(cage !== undefined && { cage }),
    ...(resume !== undefined && { resume }),
    ...(model !== undefined && { model }),
  };
}

/** A second one is not waited for: the run is being stopped by then. */
function stopOnInterrupt({ library, context }: Opened, { id }: RunInfo): () => void {
  let isAsked = false;
  return onInterrupt(() => {
    if (isAsked) process.exit(INTERRUPTED);
    isAsked = true;
    context.progress(`stopping the run ${id}`);
    library.stopRun(context, id, { interrupted: true }).catch((error: unknown) => context.progress(String(error)));
  });
}

const INTERRUPTED = 130;
/** Of a run that ended without its agent saying how. */
const NO_CODE = 125;

function exitCodeOf({ exitCode, reason }: RunInfo): number {
  return exitCode ?? (reason?.code === 'interrupted' ? INTERRUPTED : NO_CODE);
}
