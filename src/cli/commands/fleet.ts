// `fleet`: many tasks in many cages. The library keeps what is known of one; here it is shown.
import { toIronError } from '../../platform/errors.ts';
import { count } from '../change-rows.ts';
import type { Command, CommandGroup, Session } from '../command.ts';
import type { Fleet } from '../fleet-library.ts';
import { fleetRows } from '../fleet-rows.ts';
import { removeOrAsk } from '../remove-or-ask.ts';
import { usageError } from '../usage-error.ts';

const FLEET = { name: 'FLEET', summary: 'an id of fleet status', required: true } as const;

const run: Command = {
  kind: 'command',
  name: 'fleet run',
  summary: 'run the tasks of a file, each in a cage of its own, a few at a time',
  notes: [
    'A whole file: [[tasks]] name = "lint", agent = "claude", prompt = "Fix the lint errors", checks = ["npm test"], each on a line of its own.',
    'FILE is TOML or YAML: jobs, defaults, and tasks, each with name, agent, prompt or prompt-file. Further keys: source, branch, model, args, checks, check-timeout, retries, budget (cost, tokens, time, bytes), and those of run: backend, preset, workspace, net, auth, allow, policies, routes, secrets, env, image, dockerfile, packages, toolchains, profile, caches, memory, cpus, pids. Paths are relative to the file.',
    'What is in FILE counts as if you had typed it: read one that somebody else wrote, an agent for one.',
    'Interrupted or killed, what runs goes on by itself, and the same command goes on with the fleet. A task that fails is tried again in a fresh cage as often as retries says. Exit code 1: a task did not come to a good end.',
    'With --json one document a line: {"event":"task",…} as a task changes, at last {"event":"end",…}.',
  ],
  arguments: [{ name: 'FILE', summary: 'fleet.toml or fleet.yaml', required: true }],
  options: [
    { name: 'jobs', short: 'j', value: 'N', summary: 'cages at work at a time; default: what the file says, else 2' },
    { name: 'fresh', summary: 'begin another fleet, although one of this file is not at its end' },
  ],
  examples: [
    { line: 'ironcage fleet run fleet.toml', does: 'run its tasks, or go on with them' },
    { line: 'ironcage fleet run fleet.yaml -j 4 --json', does: 'four at a time, for a script' },
  ],
  handler: async ({ word, flags }, session) => {
    const { output } = session;
    const { library, context } = await session.open();
    const fleet = await library.runFleet(context, word('FILE') ?? '', {
      jobs: readJobs(flags.text('jobs')),
      fresh: flags.on('fresh'),
      onChange: teller(session, () => context.clock.now()),
    });
    output.liveTable([]);
    if (output.json) await output.record({ event: 'end', fleet });
    else {
      output.table(fleetRows(fleet, context.clock.now(), 'as-written'));
      output.note(`results: ${fleet.results}`);
      const cages = fleet.tasks.flatMap(({ state }) => state.cage ?? []);
      output.note(`compare: ironcage compare ${cages.slice(0, 4).join(' ')}${cages.length > 4 ? ' …' : ''}`);
    }
    return fleet.tasks.every(({ state }) => state.status === 'done') ? 0 : 1;
  },
};

/** At a terminal a table that lives, for scripts a record, otherwise a line for every task that goes on to something else. */
function teller({ output }: Session, nowMs: () => number): (fleet: Fleet) => void {
  const told = new Map<string, string>();
  return (fleet) => {
    for (const { name, agent, state } of fleet.tasks) {
      const text = JSON.stringify(output.json ? state : [state.status, state.attempt]);
      if (told.get(name) === text) continue;
      const isFirst = !told.has(name) && state.status === 'waiting';
      told.set(name, text);
      if (output.json) output.record({ event: 'task', fleet: fleet.id, task: name, state }).catch(failed);
      else if (!isFirst && !output.live) output.note(`${name}: ${agent}, ${state.status}${because(state.reason)}`);
    }
    output.liveTable(fleetRows(fleet, nowMs(), 'at-work'));
  };
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : ` (${reason})`;
}

function failed(error: unknown): never {
  throw toIronError(error);
}

function readJobs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw usageError(`--jobs cannot be ${text}`, { hint: 'write a number from 1 to 99' });
}

const status: Command = {
  kind: 'command',
  name: 'fleet status',
  summary: 'show the fleets, or how far the tasks of one are',
  arguments: [{ ...FLEET, summary: 'default: all, a line each', required: false }],
  options: [],
  examples: [
    { line: 'ironcage fleet status', does: 'every fleet' },
    { line: 'ironcage fleet status fleet-1a2b3c --json', does: 'one with its tasks, for a script' },
  ],
  handler: async ({ word }, { output, open }) => {
    const { library, context } = await open();
    const id = word('FLEET');
    if (id === undefined) {
      const fleets = await library.showFleets(context);
      if (output.json) output.document(fleets);
      else if (fleets.length === 0) output.note('there is no fleet; ironcage fleet run FILE makes one');
      else output.table([['FLEET', 'TASKS', 'DONE', 'STATUS', 'BEGUN', 'FILE'], ...fleets.map(fleetRow)]);
      return 0;
    }
    const fleet = await library.showFleet(context, id);
    if (output.json) output.document(fleet);
    else {
      output.table(fleetRows(fleet, context.clock.now(), 'as-written'));
      if (fleet.endedAt === undefined) output.note(`go on with it: ironcage fleet run ${fleet.file}`);
      output.note(`results: ${fleet.results}`);
    }
    return 0;
  },
};

function fleetRow({ id, tasks, endedAt, createdAt, file }: Fleet): string[] {
  const done = tasks.filter(({ state }) => state.status === 'done').length;
  const begun = createdAt.slice(0, 16).replace('T', ' ');
  return [id, String(tasks.length), String(done), endedAt === undefined ? 'open' : 'ended', begun, file];
}

const stop: Command = {
  kind: 'command',
  name: 'fleet stop',
  summary: 'end what runs of a fleet, and begin nothing more of it',
  notes: ['Its cages stay with what was done in them.'],
  arguments: [FLEET],
  options: [],
  examples: [{ line: 'ironcage fleet stop fleet-1a2b3c', does: 'stop its runs' }],
  handler: async ({ word }, { output, open }) => {
    const { library, context } = await open();
    const fleet = await library.stopFleet(context, word('FLEET') ?? '');
    if (output.json) output.document(fleet);
    else output.table(fleetRows(fleet, context.clock.now(), 'as-written'));
    return 0;
  },
};

const rm: Command = {
  kind: 'command',
  name: 'fleet rm',
  summary: 'remove a fleet with its cages and results; unexported work is named first',
  notes: ['Its cages lie in the trash for seven days, its results do not.'],
  arguments: [FLEET],
  options: [
    { name: 'yes', short: 'y', summary: 'ask nothing; refuse where a question would be needed' },
    { name: 'discard', summary: 'also with unexported work' },
  ],
  examples: [{ line: 'ironcage fleet rm fleet-1a2b3c', does: 'remove it, after asking if its cages hold work' }],
  handler: async ({ word, flags }, session) => {
    const { library, context } = await session.open();
    const id = word('FLEET') ?? '';
    let removed: readonly string[] = [];
    const gone = await removeOrAsk(session, {
      remove: async (options) => {
        ({ removed } = await library.removeFleet(context, id, options));
      },
      discard: flags.on('discard'),
      mayAsk: session.interactive && !flags.on('yes'),
      question: `Remove the fleet ${id} with this work?`,
    });
    if (session.output.json) session.output.document({ fleet: id, removed, kept: !gone });
    else session.output.note(gone ? `removed ${id} and ${count(removed.length, 'cage')}` : `kept ${id}`);
    return gone ? 0 : 1;
  },
};

export const fleet: CommandGroup = {
  kind: 'group',
  name: 'fleet',
  summary: 'run many tasks in many cages, and show how far they are',
  commands: [run, status, stop, rm],
};
