// A fleet's file: many tasks, each with a prompt for an agent in a cage of its own. Read strictly, every mistake told at its
// place. The person who names the file is who is asked to trust it: what is in it counts as flags of `ironcage run` do.
import { readFileSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import { z } from 'zod';
import { closestName } from '../agents/closest-name.ts';
import type { CageOptions } from '../cage/options.ts';
import { isCageName } from '../cage/names.ts';
import { readDocument, type LocatedDocument } from '../config/located-document.ts';
import { formatProblem, type Problem } from '../config/toml-tables.ts';
import { errorMessage, IronError } from '../platform/errors.ts';

const words = z.array(z.string());

/** What a task has of its own or from the defaults; a list of the task's takes the place of the defaults' one, `env` goes key by key. */
const choices = {
  agent: z.string().optional().describe('profile that works on it'),
  source: z.string().optional().describe('directory, relative to the file, or git URL; default: where the file lies'),
  branch: z.string().optional(),
  model: z.string().optional(),
  args: words.optional().describe('more arguments for the agent'),
  checks: words.optional().describe('commands for the cage’s shell when the agent has ended; each must exit with 0'),
  'check-timeout': z.string().optional().describe('for each check, such as 10m'),
  retries: z.int().min(0).max(10).optional().describe('further attempts, each in a fresh cage'),
  budget: z
    .strictObject({
      cost: z.number().positive().optional().describe('US dollars'),
      tokens: z.int().positive().optional(),
      time: z.string().optional().describe('such as 30m'),
      bytes: z.string().optional().describe('towards the network, such as 100MB'),
    })
    .optional(),
  backend: z.string().optional(),
  preset: z.string().optional(),
  workspace: z.string().optional(),
  net: z.string().optional(),
  auth: z.string().optional(),
  allow: words.optional(),
  policies: words.optional(),
  routes: words.optional(),
  secrets: words.optional(),
  env: z.record(z.string(), z.string()).optional(),
  image: z.string().optional(),
  dockerfile: z.string().optional(),
  packages: words.optional(),
  toolchains: words.optional(),
  profile: z.string().optional(),
  caches: words.optional(),
  memory: z.string().optional(),
  cpus: z.string().optional(),
  pids: z.string().optional(),
};

const promptChoices = { prompt: z.string().min(1).optional(), 'prompt-file': z.string().optional() };

const defaultsSchema = z.strictObject({ ...promptChoices, ...choices });

type Choices = z.infer<typeof defaultsSchema>;

const NAME = 'lower-case letters, digits and hyphens';
const taskSchema = z.strictObject({
  name: z.string().refine((text) => isCageName(text) && text.length <= 30, { error: `a name has at most 30 ${NAME}` }),
  ...promptChoices,
  ...choices,
});

const fleetSchema = z.strictObject({
  name: z
    .string()
    .refine((text) => isCageName(text) && text.length <= 20, { error: `a name has at most 20 ${NAME}` })
    .optional()
    .describe('default: the file’s'),
  jobs: z.int().min(1).max(64).optional().describe('cages at work at a time; default 2'),
  defaults: defaultsSchema.optional(),
  tasks: z.array(taskSchema).min(1, { error: 'there is no task in it' }).max(1000),
});

export interface FleetTask {
  name: string;
  agent: string;
  /** Undefined: the directory of the file. */
  source: string | undefined;
  prompt: string;
  model: string | undefined;
  args: readonly string[];
  checks: readonly string[];
  checkTimeout: string | undefined;
  retries: number;
  budget: FleetBudget;
  cage: Omit<CageOptions, 'name' | 'agent'>;
}

interface FleetBudget {
  /** US dollars. */
  cost?: number | undefined;
  tokens?: number | undefined;
  /** As the command line has it, such as 30m. */
  time?: string | undefined;
  bytes?: string | undefined;
}

export interface FleetFile {
  name: string;
  /** Absolute: paths in the file are relative to it. */
  directory: string;
  jobs: number;
  tasks: readonly FleetTask[];
}

const DEFAULT_JOBS = 2;

/** Reads a fleet's file, `.toml` or `.yaml`. Throws E_CONFIG with every mistake, E_USAGE for one that cannot be read. */
export function readFleetFile(path: string): FleetFile {
  const format = FORMATS[extname(path).toLowerCase()];
  if (format === undefined) {
    throw new IronError('E_USAGE', {
      message: `${path} is neither TOML nor YAML by its name`,
      hint: 'name it fleet.toml or fleet.yaml; `ironcage fleet run --help` shows one',
    });
  }
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new IronError('E_USAGE', {
      message: `the fleet’s file cannot be read: ${errorMessage(error)}`,
      hint: 'name a file with tasks; `ironcage fleet run --help` shows one',
      cause: error,
    });
  }
  const read = readDocument(text, format);
  if (!read.ok) throw wrong(path, [read.problem]);
  const parsed = fleetSchema.safeParse(read.document.value);
  if (!parsed.success)
    throw wrong(
      path,
      parsed.error.issues.flatMap((issue) => problemsOf(issue, read.document)),
    );
  const { name, jobs, defaults = {}, tasks } = parsed.data;
  const problems = contradictions(parsed.data, read.document);
  if (problems.length > 0) throw wrong(path, problems);
  const directory = dirname(path);
  return {
    name: name ?? nameOf(path),
    directory,
    jobs: jobs ?? DEFAULT_JOBS,
    tasks: tasks.map((task) => completeTask(task.name, defaults, task, directory)),
  };
}

const FORMATS: Readonly<Record<string, 'toml' | 'yaml'>> = { '.toml': 'toml', '.yaml': 'yaml', '.yml': 'yaml' };

function nameOf(path: string): string {
  const stem = basename(path, extname(path))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 20)
    .replace(/^-+|-+$/g, '');
  return stem === '' ? 'fleet' : stem;
}

function contradictions(
  { defaults = {}, tasks }: z.infer<typeof fleetSchema>,
  { placeOf }: LocatedDocument,
): Problem[] {
  const problems: Problem[] = [];
  const both = (choice: Choices, path: (string | number)[]): void => {
    if (choice.prompt === undefined || choice['prompt-file'] === undefined) return;
    problems.push({
      ...placeOf([...path, 'prompt-file']),
      message: 'prompt and prompt-file exclude each other',
      suggestion: '',
    });
  };
  both(defaults, ['defaults']);
  const seen = new Set<string>();
  for (const [index, task] of tasks.entries()) {
    both(task, ['tasks', index]);
    if (promptOf(task) === undefined && promptOf(defaults) === undefined) {
      problems.push({ ...placeOf(['tasks', index]), message: `${task.name} has no prompt`, suggestion: 'add prompt' });
    }
    if ((task.agent ?? defaults.agent) === undefined) {
      problems.push({
        ...placeOf(['tasks', index]),
        message: `${task.name} has no agent`,
        suggestion: 'add agent, or an agent of the defaults',
      });
    }
    if (seen.has(task.name)) {
      problems.push({
        ...placeOf(['tasks', index, 'name']),
        message: `two tasks have the name ${task.name}`,
        suggestion: '',
      });
    }
    seen.add(task.name);
  }
  return problems;
}

function promptOf({ prompt, 'prompt-file': file }: Choices): string | undefined {
  return prompt ?? file;
}

function completeTask(name: string, defaults: Choices, task: Choices, directory: string): FleetTask {
  const prompted = promptOf(task) === undefined ? defaults : task;
  const all = { ...defaults, ...task };
  const env = { ...defaults.env, ...task.env };
  const file = prompted['prompt-file'];
  return {
    name,
    agent: all.agent ?? '',
    source: all.source,
    prompt: file === undefined ? (prompted.prompt ?? '') : readPrompt(resolve(directory, file)),
    model: all.model,
    args: all.args ?? [],
    checks: all.checks ?? [],
    checkTimeout: all['check-timeout'],
    retries: all.retries ?? 0,
    budget: { ...defaults.budget, ...task.budget },
    cage: {
      ...{ backend: all.backend, preset: all.preset, workspace: all.workspace, net: all.net, auth: all.auth },
      ...{ allow: all.allow ?? [], policies: all.policies ?? [], routes: all.routes ?? [] },
      ...{ secrets: all.secrets ?? [], env: Object.entries(env).map(([key, value]) => `${key}=${value}`) },
      ...{ envFiles: [], mounts: [], image: all.image, dockerfile: all.dockerfile, packages: all.packages },
      ...{ toolchains: all.toolchains, profile: all.profile, caches: all.caches, branch: all.branch },
      ...{ memory: all.memory, cpus: all.cpus, pids: all.pids },
    },
  };
}

function readPrompt(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new IronError('E_CONFIG', {
      message: `a prompt-file of the fleet cannot be read: ${errorMessage(error)}`,
      hint: 'paths in a fleet’s file are relative to the file',
      cause: error,
    });
  }
}

function problemsOf(issue: z.core.$ZodIssue, { placeOf }: LocatedDocument): Problem[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code !== 'unrecognized_keys') {
    const key = path.length === 0 ? '' : `${String(path.at(-1))}: `;
    return [{ ...placeOf(path), message: `${key}${issue.message}`, suggestion: '' }];
  }
  const known = knownKeys(path);
  return issue.keys.map((key) => {
    const close = closestName(key, known);
    const suggestion = close === undefined ? `there are ${known.join(', ')}` : `did you mean ${close}?`;
    return { ...placeOf([...path, key]), message: `there is no key ${JSON.stringify(key)} here`, suggestion };
  });
}

function knownKeys(path: readonly (string | number)[]): string[] {
  if (path.length === 0) return Object.keys(fleetSchema.shape);
  if (path.at(-1) === 'budget') return ['cost', 'tokens', 'time', 'bytes'];
  const own = [...Object.keys(promptChoices), ...Object.keys(choices)];
  return path[0] === 'tasks' ? ['name', ...own] : own;
}

function wrong(path: string, problems: readonly Problem[]): IronError {
  return new IronError('E_CONFIG', {
    message: `${path} is no file of a fleet`,
    because: problems.map((problem) => formatProblem(path, problem)),
    hint: 'mend these; `ironcage fleet run --help` shows a whole one',
  });
}
