// The way out of an open cage. The cage's own container has no network of the engine's, as every other: beside it stands a second
// one, its router, which is on the engine's network and only sleeps. In the router's network, which nothing of the cage's is in,
// lie the rules; then a line is drawn between the two. So whatever is started anew by hand has no line, and thereby no way out.
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { IronError } from '../../platform/errors.ts';
import { findProgram, identifyProcess, missingTool, run, type ProcessIdentity } from '../../platform/processes.ts';
import { printableLine } from '../../platform/text.ts';
import type { CagePlan, ContainerIdentity, ContainerPlan } from '../backend.ts';
import { CAGE_DEVICE, networkDevices, networkFault, networkOf } from '../host/cage-network.ts';
import { PROGRAMS_DIRECTORY, RUN_FILES } from '../host/layout.ts';
import { writePublic } from '../host/run-files.ts';
import type { Tools } from '../host/tools.ts';
import { routerArguments } from './arguments.ts';
import { askEngine, type Engine } from './engine.ts';
import { requireRouterProcess } from './first-process.ts';
import { goneMeanwhile } from './gone-meanwhile.ts';
import { joinCommand } from './join.ts';
import { neighbourBlocks } from './neighbours.ts';
import { LINE, routerRules } from './router-rules.ts';
import { removeContainer } from './stop.ts';

export interface Router {
  process: ProcessIdentity;
  /** As the engine told its container. */
  resolvers: readonly string[];
}

/** Throws E_TOOL_MISSING without the programs that set rules. */
export function requireRouting(path: string): void {
  for (const program of ['iptables-restore', 'ip6tables-restore']) {
    if (findProgram(program, path) === undefined) throw missingTool(program);
  }
}

/** Throws E_PROTECTION where a cage cannot be open: into whose network nobody gets, or whose runtime sees nothing that comes into it later. */
export function refuseOpen({ runtime, gated }: Pick<ContainerIdentity, 'runtime' | 'gated'>): void {
  if (gated) {
    throw new IronError('E_PROTECTION', {
      message: '--net open is not to be had by this user with an engine of root’s',
      because: 'its rules are set in a network that belongs to root',
      hint: 'use rootless Podman (--backend podman), run ironcage as root, or use --net filtered, ask or learn',
    });
  }
  if (runtime === undefined || runtime.kind === 'namespaces') return;
  throw new IronError('E_PROTECTION', {
    message: `--net open is not to be had with the runtime ${runtime.name}`,
    because:
      'a kernel of its own takes over the network that is there when it starts, and an open one comes afterwards',
    hint: 'leave --runtime out, or use --net filtered, ask or learn',
  });
}

/** Starts the router of a cage anew: nothing is connected to it yet. */
export async function startRouter(plan: CagePlan, container: ContainerPlan, engine: Engine): Promise<Router> {
  const name = routerName(container);
  await removeContainer({ name }, engine);
  await askEngine(engine, ['create', ...routerArguments(plan, container, name)], 'make the router of the cage');
  await askEngine(engine, ['start', name], 'start the router of the cage');
  const format = '{{.State.Pid}} {{.ResolvConfPath}}';
  const answer = await askEngine(engine, ['container', 'inspect', '--format', format, name], 'look at the router');
  const [, pid = '', file = ''] = /^(\d+) (.+)$/.exec(answer) ?? [];
  const found = Number(pid) > 1 ? identifyProcess(Number(pid)) : undefined;
  if (found === undefined) throw goneMeanwhile();
  await requireRouterProcess(found, name);
  return { process: { pid: found.pid, startTicks: found.startTicks }, resolvers: readResolvers(file) };
}

/** Takes away what is left of a line whose other end has gone. Throws when something of it stays. */
export async function disconnectRouter(
  engine: Pick<Engine, 'rootless'>,
  init: ProcessIdentity,
  tools: Tools,
  path: string,
): Promise<void> {
  // It may go by itself at the same moment: what counts is what is left.
  await runIn(init, engine, tools, path, ['ip', 'link', 'delete', CAGE_DEVICE]).catch(() => undefined);
  const [left] = networkDevices(init);
  if (left !== undefined) throw failure(`the network device ${printableLine(left)} is still there`);
}

/** Sets the rules, draws the line, and sees that it is the only device of the cage. */
export async function connectRouter(
  plan: CagePlan,
  engine: Pick<Engine, 'rootless'>,
  init: ProcessIdentity,
  router: Router,
  tools: Tools,
  path: string,
): Promise<void> {
  const files = ([4, 6] as const).map((family) => {
    const file = join(plan.runDirectory, `router.rules${family}`);
    const refused = [...ownAddresses(), ...neighbourBlocks(router.process, family)];
    writePublic(file, routerRules(family, { resolvers: router.resolvers, refused }));
    return file;
  });
  const inside = (script: string, process: ProcessIdentity, args: readonly string[]): Promise<string> =>
    runIn(process, engine, tools, path, [
      tools.sh,
      join(PROGRAMS_DIRECTORY, 'container', script),
      networkLink(process),
      ...args,
    ]);
  const [line4, line6] = [LINE[4], LINE[6]];
  const said = await inside('router.sh', router.process, [
    ...[...files, String(init.pid), CAGE_DEVICE],
    ...[at(line4, 'router'), at(line6, 'router')],
  ]);
  const sixth = said.trim() === 'ipv6' ? [at(line6, 'cage'), line6.router] : [];
  await inside('connect.sh', init, [CAGE_DEVICE, at(line4, 'cage'), line4.router, ...sixth]);
  // In place: it is mounted already.
  const text = router.resolvers.map((address) => `nameserver ${address}\n`).join('');
  writePublic(join(plan.runDirectory, RUN_FILES.etc, 'resolv.conf'), text);
  const fault = await networkFault({ init, egress: undefined, devices: [CAGE_DEVICE], listeners: [] });
  if (fault !== undefined) throw failure(fault);
}

/** One end of the line, with the bits of its block. */
function at(line: (typeof LINE)[4 | 6], end: 'router' | 'cage'): string {
  return `${line[end]}/${line.bits}`;
}

function routerName({ identity }: ContainerPlan): string {
  if (identity.router === undefined) throw new Error('this cage has no router');
  return identity.router;
}

/** That of a process which is not in ours: rules that were set there would be this machine's. */
function networkLink({ pid }: ProcessIdentity): string {
  const link = networkOf(pid);
  if (link === networkOf('self')) throw failure('the engine gave it the network of this machine');
  return link;
}

async function runIn(
  process: ProcessIdentity,
  engine: Pick<Engine, 'rootless'>,
  tools: Tools,
  path: string,
  command: readonly string[],
): Promise<string> {
  const join = joinCommand(process, engine, tools, [`--net=/proc/${process.pid}/ns/net`]);
  const [program = '', ...args] = [...join, ...command];
  const { exitCode, stdout, stderr } = await run(program, args, { env: { PATH: path }, timeoutMs: 30_000 });
  if (exitCode !== 0) throw failure(printableLine(stderr.trim().split('\n').slice(-3).join(' | ')));
  return stdout.toString('utf8');
}

/** Those of resolv.conf(5) that lead anywhere from inside a container. */
function readResolvers(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines
    .flatMap((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? [])
    .filter((address) => isIP(address) !== 0 && !/^(127\.|::1$)/.test(address));
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address));
}

function failure(because: string): IronError {
  return new IronError('E_PROTECTION', {
    message: 'the network of an open cage could not be made as it must be',
    because,
    hint: 'it needs the engine’s own network, iptables, and a kernel with conntrack, string and connbytes matches; --net filtered needs none of them',
  });
}
