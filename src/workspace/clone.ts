// Clones a repository on the host, as the source of a cage. It is the user's own git with the user's accounts (credential helpers, SSH
// agent, proxies) that fetches; nothing of what it fetches may run: no hooks, no templates, no filters, no submodules, and no transport
// but those named. The files are laid by the git of git.ts, which knows no settings of the user's.
import type { Environment } from '../platform/environment.ts';
import { refuseWhenInterrupted } from '../platform/interrupts.ts';
import { IronError } from '../platform/errors.ts';
import { run } from '../platform/processes.ts';
import { printableLine } from '../platform/text.ts';
import { join } from 'node:path';
import { noteRemoteTags } from './clone-work.ts';
import { git } from './git.ts';

export interface CloneRequest {
  /** Without credentials: it is an argument, and stays in the clone as its remote. */
  url: string;
  protocol: 'https' | 'ssh' | 'file';
  /** Of https. With a password they are used instead of what the user's helpers know, and kept nowhere. */
  user?: string | undefined;
  password?: string | undefined;
  /** Branch or tag; default: what the remote's HEAD is. */
  branch?: string | undefined;
  /** Commits of history; default: all. */
  depth?: number | undefined;
  /** Does not exist yet. */
  target: string;
}

const FETCH_SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'init.templateDir=',
  'protocol.allow=never',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'clone.rejectShallow=false',
  'advice.detachedHead=false',
];

/** Clones into `target`; throws E_WORKSPACE with what git said. `progress` is called about once a second. */
export async function cloneRepository(
  request: CloneRequest,
  environment: Environment,
  { progress, interrupted }: { progress: (line: string) => void; interrupted: AbortSignal },
): Promise<void> {
  const { url, protocol, branch, depth, target } = request;
  // A rewritten address (url.*.insteadOf) may turn https into ssh; nothing turns into a program.
  const protocols = protocol === 'file' ? ['file'] : ['https', 'ssh'];
  const settings = [...FETCH_SETTINGS, ...protocols.map((each) => `protocol.${each}.allow=always`)];
  const result = await run(
    // Without us nobody waits for it, and the next command takes away what it made.
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', '--', 'git'],
      ...settings.flatMap((setting) => ['-c', setting]),
      ...['clone', '--no-checkout', '--template=', '--origin=origin', '--no-recurse-submodules', '--progress'],
      ...(branch === undefined ? [] : [`--branch=${branch}`]),
      ...(depth === undefined ? [] : [`--depth=${depth}`]),
      ...['--', url, target],
    ],
    {
      cwd: '/',
      env: fetchEnvironment(request, environment),
      onOutput: eachSecond(progress),
      abort: interrupted,
      asksUser: true,
    },
  );
  refuseWhenInterrupted(interrupted);
  if (result.exitCode !== 0) throw cannotClone(url, result.stderr);
  await checkOut(target);
  await noteRemoteTags(target);
}

/** A repository without a commit has nothing to lay. */
async function checkOut(target: string): Promise<void> {
  const call = { gitDir: join(target, '.git'), workTree: target };
  const head = await git(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], { ...call, accept: [0, 1] });
  if (head.exitCode === 0) await git(['read-tree', '--reset', '-u', 'HEAD'], call);
}

/** What of git's own variables is about reaching a remote. The others could point it somewhere else. */
const OF_GIT =
  /^GIT_(?:ASKPASS|SSH|SSH_COMMAND|SSH_VARIANT|SSL_\w+|TERMINAL_PROMPT|PROXY_\w+|HTTP_\w+|CONFIG_GLOBAL|CONFIG_SYSTEM|CONFIG_NOSYSTEM)$/;

function fetchEnvironment({ url, user, password }: CloneRequest, environment: Environment): Environment {
  const own = Object.entries(environment).filter(([name]) => !name.startsWith('GIT_') || OF_GIT.test(name));
  const settings = user === undefined ? [] : accountSettings(new URL(url).origin, user, password);
  return {
    ...Object.fromEntries(own),
    LC_ALL: 'C',
    // By the environment, which nobody else can read: an argument is in every list of processes.
    ...(settings.length === 0 ? {} : { GIT_CONFIG_COUNT: String(settings.length) }),
    ...Object.fromEntries(
      settings.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}

function accountSettings(origin: string, user: string, password: string | undefined): [string, string][] {
  if (password === undefined) return [[`credential.${origin}.username`, user]];
  const basic = Buffer.from(`${user}:${password}`).toString('base64');
  return [[`http.${origin}/.extraHeader`, `Authorization: Basic ${basic}`]];
}

const PROGRESS_MS = 1000;

/** The last of git's lines, now and then. They hold what the remote says. */
function eachSecond(progress: (line: string) => void): (chunk: Buffer) => void {
  let next = performance.now() + PROGRESS_MS;
  return (chunk) => {
    if (performance.now() < next) return;
    next = performance.now() + PROGRESS_MS;
    const last = chunk
      .toString('utf8')
      .split(/[\r\n]+/)
      .findLast((line) => line.trim() !== '');
    if (last !== undefined) progress(printableLine(last.trim().slice(0, 200)));
  };
}

/** Of what git and ssh say the lines that give a reason. */
const REASON =
  /^(?:fatal|error|remote|warning|ssh|Host key|No [\w-]+ host key is known|Permission|[\w.-]+@\S+: Permission|Connection |@ +WARNING)/;

function cannotClone(url: string, stderr: string): IronError {
  const lines = stderr.split(/[\r\n]+/).filter((line) => REASON.test(line));
  return new IronError('E_WORKSPACE', {
    message: `git could not clone ${url}`,
    because: lines.slice(-6).map((line) => printableLine(line.replace(/^@ +| +@$/g, '').slice(0, 300))),
    hint: cloneHint(url, stderr),
  });
}

function cloneHint(url: string, stderr: string): string {
  if (/^(?:Host key verification failed|@ +WARNING: REMOTE HOST IDENTIFICATION)/m.test(stderr))
    return 'your known_hosts has another key of this host, or none: compare it with what the host’s owner says it is, then connect once with your own ssh';
  if (/Permission denied \(/.test(stderr))
    return 'the host takes none of the keys that your ssh shows it: name one in ~/.ssh/config, or give it to your agent with ssh-add';
  return `try \`git ls-remote ${url}\`: what your git cannot reach, ironcage cannot`;
}
