// An open container cage: with a router in the place of an egress; nothing of its traffic is told to anybody.
import type { ProcessIdentity } from '../../platform/processes.ts';
import type { StartedCage, StartHooks } from '../backend.ts';
import { connectRouter, disconnectRouter, refuseOpen, requireRouting, startRouter } from './router.ts';
import type { ContainerSite } from './site.ts';
import { raiseContainer } from './start.ts';

/** As startContainerCage. */
export async function startOpenCage(site: ContainerSite, hooks: StartHooks): Promise<StartedCage> {
  requireRouting(site.path);
  refuseOpen(site.container.identity);
  const raised = await raiseContainer(site, hooks);
  return { ...raised, router: await startConnected(site, raised.init) };
}

/** Another router for an open cage that lives and has lost its own. */
export async function replaceRouter(site: ContainerSite, init: ProcessIdentity): Promise<ProcessIdentity> {
  const { engine, tools, path } = site;
  await disconnectRouter(engine, init, tools, path);
  return startConnected(site, init);
}

async function startConnected(
  { plan, container, engine, tools, path }: ContainerSite,
  init: ProcessIdentity,
): Promise<ProcessIdentity> {
  const router = await startRouter(plan, container, engine);
  await connectRouter(plan, engine, init, router, tools, path);
  return router.process;
}
