// Container cages behind the interface of all backends. What only a start needs is loaded by the start.
import type { Environment } from '../../platform/environment.ts';
import type { Backend, CagePlan, ContainerPlan, RunningCage } from '../backend.ts';
import type { Tools } from '../host/tools.ts';
import { INSIDE_NODE } from '../host/layout.ts';
import { engineOf } from './detect.ts';
import { enterDirectly } from './enter-directly.ts';
import { execCommand } from './enter.ts';
import { gvisorCommand } from './enter-gvisor.ts';
import type { ContainerSite } from './site.ts';

export function createContainerBackend(tools: Tools, path: string, environment: Environment): Backend {
  const siteOf = (plan: CagePlan): ContainerSite => {
    const container = containerIn(plan);
    return { plan, container, engine: engineOf(container.identity, environment), tools, path };
  };
  return {
    async start(plan, hooks) {
      const site = siteOf(plan);
      if (site.container.identity.router !== undefined) {
        const { startOpenCage } = await import('./start-open.ts');
        return startOpenCage(site, hooks);
      }
      const { startContainerCage } = await import('./start.ts');
      return startContainerCage(site, hooks);
    },
    enter(plan, cage, request) {
      const container = containerOf(cage);
      const [program = '', ...args] = request.argv;
      // Known by its path on this machine; inside it lies elsewhere.
      const argv = [program === tools.node ? INSIDE_NODE : program, ...args];
      if (cage.sandbox !== undefined) return gvisorCommand(cage.sandbox, path, plan, { ...request, argv });
      const direct = enterDirectly(plan, cage, { ...request, argv }, tools, path);
      if (direct !== undefined) return direct;
      const running = { name: container.name, init: cage.init };
      return execCommand(engineOf(container, environment), running, plan, { ...request, argv });
    },
    async reopenListeners(plan, cage, handOver) {
      const { openInside } = await import('./inside-network.ts');
      const container = containerOf(cage);
      if (container.gated) {
        const { startGate } = await import('./gate-container.ts');
        const engine = engineOf(container, environment);
        return { gate: await startGate(plan, containerIn(plan), engine, tools, cage.init, handOver) };
      }
      await openInside(plan, cage.init, container, tools, path, handOver);
      return {};
    },
    async joinNetwork(_callerIsRoot, cage) {
      const container = containerOf(cage);
      if (container.gated) return 'gate';
      const { networkCommand } = await import('./inside-network.ts');
      return networkCommand(cage.init, container, tools);
    },
    async replaceRouter(plan, cage) {
      const { replaceRouter } = await import('./start-open.ts');
      return replaceRouter(siteOf(plan), cage.init);
    },
  };
}

function containerIn({ container }: Pick<CagePlan, 'container'>): ContainerPlan {
  if (container === undefined) throw new Error('this plan is not of a container');
  return container;
}

function containerOf({ container }: RunningCage): NonNullable<RunningCage['container']> {
  if (container === undefined) throw new Error('the state of a container cage names no container');
  return container;
}
