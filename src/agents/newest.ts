// Asks the npm registry, through the machine's own npm, which version of an agent it has now, and by which bytes each of its
// packages is known. The one place where a version is chosen by somebody else; only `upgrade` calls it.
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Environment } from '../platform/environment.ts';
import { IronError } from '../platform/errors.ts';
import { findProgram, run } from '../platform/processes.ts';
import { parseJson } from '../platform/json.ts';
import type { LockedAgent, LockedPackage } from './agent-lock.ts';
import { npmFailure } from './npm-failure.ts';
import type { AgentRecipe } from './profile.ts';

const TIMEOUT_MS = 120_000;

const EXACT_VERSION = /^\d{1,6}\.\d{1,6}\.\d{1,6}(?:-[0-9A-Za-z.-]{1,60})?$/;
const PACKAGE_NAME = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;

/** What `npm view --json` says of one version. */
const viewSchema = z.object({
  name: z.string().regex(PACKAGE_NAME),
  version: z.string().regex(EXACT_VERSION),
  'dist.integrity': z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
});
type View = z.infer<typeof viewSchema>;

/** `wanted` is `latest` or an exact version. Throws E_AGENT_INSTALL when the registry does not have it or says it badly. */
export async function newestAgent(
  title: string,
  recipe: AgentRecipe,
  wanted: string,
  environment: Environment,
): Promise<LockedAgent> {
  const npm = findProgram('npm', environment['PATH']) ?? findProgram('npm', dirname(process.execPath));
  if (npm === undefined) {
    throw new IronError('E_AGENT_INSTALL', {
      message: `which ${title} is the newest cannot be asked: there is no npm on this machine`,
      hint: 'install npm (sudo apt-get install npm) and run the command again',
    });
  }
  const asked = new Map<string, Promise<View | undefined>>();
  const view = (name: string, version: string): Promise<View | undefined> => {
    const key = `${name}@${version}`;
    const answer = asked.get(key) ?? viewPackage({ npm, title, environment }, name, version);
    asked.set(key, answer);
    return answer;
  };
  const main = await view(recipe.package, wanted);
  if (main === undefined) throw badAnswer(title, recipe.package);
  const platforms = await Promise.all(
    Object.entries(recipe.platformPackages).map(async ([key, { name }]): Promise<[string, LockedPackage][]> => {
      if (name === recipe.package) return [[key, lockOf(main)]];
      const dependency = main.optionalDependencies?.[name];
      // A platform that this version is not made for any more.
      if (dependency === undefined) return [];
      const [, alias = name, version = ''] = /^(?:npm:(.+)@)?([^@]+)$/.exec(dependency) ?? [];
      if (!PACKAGE_NAME.test(alias) || !EXACT_VERSION.test(version)) throw badAnswer(title, name);
      const found = await view(alias, version);
      // Of a mirror that lacks it: whoever needs it is told that there is none.
      return found === undefined ? [] : [[key, lockOf(found)]];
    }),
  );
  return { version: main.version, platforms: Object.fromEntries(platforms.flat()) };
}

function lockOf({ name, version, 'dist.integrity': integrity }: View): LockedPackage {
  return { name, version, integrity };
}

/** Undefined when the registry has no such version. */
async function viewPackage(
  { npm, title, environment }: { npm: string; title: string; environment: Environment },
  name: string,
  version: string,
): Promise<View | undefined> {
  const fields = ['name', 'version', 'dist.integrity', 'optionalDependencies'];
  const args = ['view', `${name}@${version}`, ...fields, '--json', '--no-update-notifier', '--global=false'];
  // npm starts with `env node`, and PATH need not name the Node that runs us.
  const env = { ...environment, PATH: `${environment['PATH'] ?? ''}:${dirname(process.execPath)}` };
  // A project's own settings would choose the registry, and with it the bytes that are locked.
  const answer = await run(npm, args, { cwd: '/', env, timeoutMs: TIMEOUT_MS, maxOutputBytes: 2 ** 20 });
  if (answer.exitCode !== 0 && /\b(?:E404|ETARGET)\b/.test(answer.stderr)) return undefined;
  if (answer.exitCode !== 0) throw npmFailure(title, answer, 'looked up');
  const parsed = viewSchema.safeParse(parseJson(answer.stdout.toString('utf8')));
  const isAsked = parsed.data?.name === name && (version === 'latest' || parsed.data.version === version);
  if (!parsed.success || !isAsked) throw badAnswer(title, name);
  return parsed.data;
}

function badAnswer(title: string, name: string): IronError {
  return new IronError('E_AGENT_INSTALL', {
    message: `${title} could not be looked up`,
    because: `the registry does not say which bytes ${name} has in that version, or does not have it`,
    hint: 'check the version, and which registry npm uses (npm config get registry)',
  });
}

/** Whether `one` is a later version than `other`; a release is later than what came before it under the same number. */
export function isLater(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => text.split('-', 1)[0] ?? '');
  if (a === undefined || b === undefined) return false;
  const order = a.localeCompare(b, 'en', { numeric: true });
  if (order !== 0) return order > 0;
  if (one.includes('-') !== other.includes('-')) return other.includes('-');
  return one.localeCompare(other, 'en', { numeric: true }) > 0;
}
