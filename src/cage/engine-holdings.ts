// What container engines keep of cages: ended and taken away by the label that a container has, also where nothing else is left
// that names it. Files of a cage are not an engine’s, and are not touched here.
import { ENGINE_KINDS } from '../backends/backend.ts';
import type { Context } from './context.ts';
import { isCageName } from './names.ts';
import { cageExists, listCageNames, readSpec, withCageLock } from './store.ts';

/** Of a cage. A spec that is gone or cannot be read names none: `doctor` finds what is left of such a cage. */
export async function removeEngineHoldings(context: Context, name: string): Promise<void> {
  const spec = await readSpec(context, name).catch(() => undefined);
  if (spec === undefined || spec.backend === 'native') return;
  const { removeCageContainer } = await import('./container-plan.ts');
  await removeCageContainer(context, spec);
}

export interface StrayContainer {
  container: string;
  /** Its label: a cage of this data root that is no more. */
  cage: string;
  remove(): Promise<void>;
}

/** Containers of this data root without a cage, in every engine that answers. */
export async function findStrayContainers(context: Context): Promise<StrayContainer[]> {
  const [{ findEngines }, { callEngine }, { removeContainer }] = await Promise.all([
    import('../backends/container/detect.ts'),
    import('../backends/container/engine.ts'),
    import('../backends/container/stop.ts'),
  ]);
  const strays: StrayContainer[] = [];
  for (const kind of ENGINE_KINDS) {
    const findings = await findEngines(kind, context.environment);
    const engine = findings.find((finding) => finding.engine !== undefined)?.engine;
    if (engine === undefined) continue;
    const ours = ['--filter', `label=ironcage.data-root=${context.dataRoot}`];
    const label = kind === 'docker' ? '.Label' : 'index .Labels';
    const format = `{{.Names}}\t{{${label} "ironcage.cage"}}`;
    const listed = await callEngine(engine, ['ps', '--all', ...ours, '--format', format]);
    if (listed.exitCode !== 0) continue;
    // Asked for afterwards: a cage is there before its container, and still there when that is gone.
    const cages = listCageNames(context);
    for (const line of listed.stdout.toString('utf8').split('\n')) {
      const [container = '', cage = ''] = line.split('\t');
      if (container === '' || !isCageName(cage) || cages.includes(cage)) continue;
      strays.push({
        container,
        cage,
        remove: () =>
          withCageLock(context, cage, async () => {
            if (!cageExists(context, cage)) await removeContainer({ name: container }, engine);
          }),
      });
    }
  }
  return strays;
}
