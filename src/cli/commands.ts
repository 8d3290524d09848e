// The table of commands: what top-level help shows, and how a command is loaded once it is asked for. Must not import
// a command statically: starting one command must not cost the others.
import type { Command, CommandGroup } from './command.ts';

export interface CommandEntry {
  summary: string;
  load(): Promise<Command | CommandGroup>;
}

export const COMMANDS: ReadonlyMap<string, CommandEntry> = new Map<string, CommandEntry>([
  [
    'run',
    {
      summary: 'run an agent in the cage of a project: the main job',
      load: async () => (await import('./commands/run.ts')).run,
    },
  ],
  ['create', { summary: 'make a cage and keep it', load: async () => (await import('./commands/create.ts')).create }],
  ['start', { summary: 'start a cage', load: async () => (await import('./commands/start.ts')).start }],
  ['stop', { summary: 'stop a cage and keep its work', load: async () => (await import('./commands/stop.ts')).stop }],
  [
    'restart',
    { summary: 'stop a cage and start it again', load: async () => (await import('./commands/restart.ts')).restart },
  ],
  [
    'upgrade',
    {
      summary: 'give a cage a newer agent or image, on purpose',
      load: async () => (await import('./commands/upgrade.ts')).upgrade,
    },
  ],
  [
    'rm',
    {
      summary: 'remove cages; unexported work is named first',
      load: async () => (await import('./commands/rm.ts')).rm,
    },
  ],
  [
    'backup',
    {
      summary: 'write a cage into one file that can be restored anywhere',
      load: async () => (await import('./commands/backup.ts')).backup,
    },
  ],
  [
    'restore',
    {
      summary: 'make a cage of a backup, or bring back a removed one',
      load: async () => (await import('./commands/restore.ts')).restore,
    },
  ],
  [
    'prune',
    {
      summary: 'empty the trash of removed cages and take away what crashes left behind',
      load: async () => (await import('./commands/prune.ts')).prune,
    },
  ],
  ['list', { summary: 'list the cages', load: async () => (await import('./commands/list.ts')).list }],
  [
    'show',
    {
      summary: 'show what a cage can reach, read and write, and with which secrets',
      load: async () => (await import('./commands/show.ts')).show,
    },
  ],
  [
    'exists',
    {
      summary: 'say by the exit code whether a cage exists',
      load: async () => (await import('./commands/exists.ts')).exists,
    },
  ],
  [
    'add-dir',
    {
      summary: 'give a cage a further directory',
      load: async () => (await import('./commands/add-dir.ts')).addDir,
    },
  ],
  [
    'remove-dir',
    {
      summary: 'take a further directory from a cage; unexported work is named first',
      load: async () => (await import('./commands/remove-dir.ts')).removeDir,
    },
  ],
  [
    'ports',
    {
      summary: 'show, publish and take back ports of a cage',
      load: async () => (await import('./commands/ports.ts')).ports,
    },
  ],
  [
    'snapshot',
    {
      summary: 'keep the workspace and the home of a cage as they are now',
      load: async () => (await import('./commands/snapshot.ts')).snapshot,
    },
  ],
  [
    'rewind',
    {
      summary: 'put the workspace and the home of a cage back to a snapshot',
      load: async () => (await import('./commands/rewind.ts')).rewind,
    },
  ],
  [
    'fork',
    {
      summary: 'make another cage with the workspace, home and spec of one that is there',
      load: async () => (await import('./commands/fork.ts')).fork,
    },
  ],
  [
    'launch',
    {
      summary: 'run an agent unattended on one prompt, in the foreground or the background',
      load: async () => (await import('./commands/launch.ts')).launch,
    },
  ],
  [
    'runs',
    {
      summary: 'list the runs of a cage, how they stand and what they used',
      load: async () => (await import('./commands/runs.ts')).runs,
    },
  ],
  [
    'logs',
    {
      summary: 'show what the agent of a run said and did',
      load: async () => (await import('./commands/logs.ts')).logs,
    },
  ],
  [
    'diagnose',
    {
      summary: 'say how the work in a cage stands, and what to do next',
      load: async () => (await import('./commands/diagnose.ts')).diagnose,
    },
  ],
  [
    'salvage',
    {
      summary: 'copy the work of a broken cage out, as it lies on disk',
      load: async () => (await import('./commands/salvage.ts')).salvage,
    },
  ],
  [
    'stop-run',
    {
      summary: 'stop one run; its cage and its work stay',
      load: async () => (await import('./commands/stop-run.ts')).stopRun,
    },
  ],
  ['exec', { summary: 'run one command in a cage', load: async () => (await import('./commands/exec.ts')).exec }],
  ['shell', { summary: 'open a shell in a cage', load: async () => (await import('./commands/shell.ts')).shell }],
  [
    'diff',
    {
      summary: 'show what the agent changed against the recorded base',
      load: async () => (await import('./commands/diff.ts')).diff,
    },
  ],
  [
    'review',
    {
      summary: 'rank what in a change can run on this machine, and decide about it',
      load: async () => (await import('./commands/review.ts')).review,
    },
  ],
  [
    'apply',
    {
      summary: 'merge the change of a cage into the project on the host',
      load: async () => (await import('./commands/apply.ts')).apply,
    },
  ],
  [
    'export',
    {
      summary: 'copy the files of a cage out, into its project or another directory',
      load: async () => (await import('./commands/export.ts')).exportCommand,
    },
  ],
  [
    'patch',
    {
      summary: 'write the work of a cage as patches for git am',
      load: async () => (await import('./commands/patch.ts')).patch,
    },
  ],
  [
    'sync',
    {
      summary: 'bring what changed on the host since the base into a cage',
      load: async () => (await import('./commands/sync.ts')).sync,
    },
  ],
  [
    'outbox',
    {
      summary: 'show what an agent has sent out of its cage, or wait for it',
      load: async () => (await import('./commands/outbox.ts')).outbox,
    },
  ],
  [
    'inbox',
    {
      summary: 'send a message to the agent in a cage',
      load: async () => (await import('./commands/inbox.ts')).inbox,
    },
  ],
  [
    'audit',
    {
      summary: 'show which requests left a cage and which were refused',
      load: async () => (await import('./commands/audit.ts')).audit,
    },
  ],
  [
    'har',
    {
      summary: 'export the traffic of a cage as HAR 1.2',
      load: async () => (await import('./commands/har.ts')).har,
    },
  ],
  [
    'evidence',
    {
      summary: 'show or keep all that is known of a run on one clock',
      load: async () => (await import('./commands/evidence.ts')).evidence,
    },
  ],
  [
    'fleet',
    {
      summary: 'run many tasks in many cages, and show how far they are',
      load: async () => (await import('./commands/fleet.ts')).fleet,
    },
  ],
  [
    'compare',
    {
      summary: 'show the work of several cages side by side, and keep one',
      load: async () => (await import('./commands/compare.ts')).compare,
    },
  ],
  [
    'policy',
    {
      summary: 'show, change and test the rules of a cage',
      load: async () => (await import('./commands/policy.ts')).policy,
    },
  ],
  [
    'approve',
    {
      summary: 'answer requests that wait under --net ask',
      load: async () => (await import('./commands/approve.ts')).approve,
    },
  ],
  [
    'secret',
    {
      summary: 'keep secrets outside of every cage',
      load: async () => (await import('./commands/secret.ts')).secret,
    },
  ],
  [
    'verify',
    {
      summary: 'probe from inside a live cage that its protections hold',
      load: async () => (await import('./commands/verify.ts')).verify,
    },
  ],
  [
    'doctor',
    {
      summary: 'check this machine and repair what a crash left behind',
      load: async () => (await import('./commands/doctor.ts')).doctor,
    },
  ],
  [
    'build',
    { summary: 'build the images of container cages', load: async () => (await import('./commands/build.ts')).build },
  ],
  [
    'agents',
    {
      summary: 'show which agents can be run, and make some of your own',
      load: async () => (await import('./commands/agents.ts')).agents,
    },
  ],
  [
    'profiles',
    {
      summary: 'list and remove the homes that cages share',
      load: async () => (await import('./commands/profiles.ts')).profiles,
    },
  ],
  [
    'acp',
    {
      summary: 'serve an editor: an agent in a cage over the Agent Client Protocol',
      load: async () => (await import('./commands/acp.ts')).acp,
    },
  ],
  [
    'mcp',
    {
      summary: 'serve an outer agent: cages as tools of the Model Context Protocol',
      load: async () => (await import('./commands/mcp.ts')).mcp,
    },
  ],
  [
    'completion',
    {
      summary: 'print the completion script of a shell',
      load: async () => (await import('./commands/completion.ts')).completion,
    },
  ],
  [
    'version',
    { summary: 'print the version', load: async () => (await import('./commands/version.ts')).versionCommand },
  ],
]);

/** Every command and group, loaded: for completion, the reference page and their tests. */
export function loadAllCommands(): Promise<(Command | CommandGroup)[]> {
  return Promise.all([...COMMANDS.values()].map((entry) => entry.load()));
}
