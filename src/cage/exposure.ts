// One line that says what a cage can reach, read and write, and with which secrets. Must not say less than is so: what passes
// without a rule, and what passes unseen, stands in it. Pure.
import type { Rule } from '../policy/types.ts';
import { formatEnd, isOpenToOthers, type PublishedPort } from './published-port.ts';
import type { CageSpec } from './spec.ts';

type Exposed = Pick<CageSpec, 'net' | 'secrets' | 'ports' | 'sudo' | 'includeIgnored'> & { rules: readonly Rule[] };

export function exposureOf(spec: Exposed, reads: readonly string[], writes: readonly string[]): string {
  const secrets = spec.secrets.map(({ name, hosts: to }) => `${name} (only to ${to.join(', ')})`).join(', ') || 'none';
  const own = `reaches ${reachOf(spec)}; reads ${reads.join(', ')}; writes ${writes.join(', ')}; secrets ${secrets}`;
  const ports = (spec.ports ?? []).map(reachedAt).join(', ');
  const root = spec.sudo === true ? '; may become root of its container' : '';
  const ignored = spec.includeIgnored === true ? '; has the files that git ignores and that look like secrets' : '';
  return `${own}${ignored}${ports === '' ? '' : `; is reached at ${ports}`}${root}`;
}

function reachedAt(port: PublishedPort): string {
  const end = formatEnd(port.address, port.port);
  return isOpenToOthers(port) ? `${end} (also from the network)` : end;
}

function reachOf({ net, rules }: Exposed): string {
  const hosts = [...new Set(rules.filter(({ effect }) => effect === 'allow').map(reachedBy))].join(', ');
  switch (net) {
    case 'none':
      return 'nothing';
    case 'filtered':
      return hosts === '' ? 'nothing' : hosts;
    case 'ask':
      return hosts === '' ? 'what you approve' : `${hosts}, and what you approve`;
    case 'learn':
      return hosts === '' ? 'every public host (learning)' : `every public host (learning), ${hosts}`;
    case 'open':
      return 'the whole internet, unseen and without a record (no SSH port, image registries, private networks or this machine)';
    default:
      net satisfies never;
      throw new Error('the cage has an unknown network mode');
  }
}

/** Nobody looks at what passes by a passthrough rule: whoever reads the line must see where that is. */
function reachedBy({ host, port, passthrough }: Rule): string {
  return passthrough === true ? `${host}:${port ?? ''} (raw, unseen)` : host;
}

/** What of the host, and of its own, a cage reads and writes: for people. */
export function accessOf(spec: CageSpec): { reads: string[]; writes: string[] } {
  const { image, workspace, project, dirs = [], binds } = spec;
  const reads = [
    ...(image === undefined ? ['/usr', '/opt', '/etc (less its secrets)'] : [`the image ${image}`]),
    ...(workspace === 'mount-ro' ? [project, ...dirs.map(({ path }) => path)].map((path) => `${path} (mounted)`) : []),
    ...binds.filter(({ writable }) => !writable).map(({ source }) => source),
  ];
  const ofHost = binds.filter(({ writable }) => writable).map(({ source }) => `${source} (of the host)`);
  return { reads, writes: [...projectWrites(spec), ...homeWrites(spec), ...ofHost] };
}

function homeWrites({ profile, caches = [] }: CageSpec): string[] {
  if (profile !== undefined) return [`the home that all cages of the profile ${profile} share, and through it them`];
  if (caches.length === 0) return ['its home'];
  return ['its home', `the caches ${caches.join(', ')} that other cages share, and through them these`];
}

function projectWrites({ workspace, project, dirs = [] }: Pick<CageSpec, 'workspace' | 'project' | 'dirs'>): string[] {
  const paths = [project, ...dirs.map(({ path }) => path)];
  switch (workspace) {
    case 'copy':
      return paths.map((path) => `its copy of ${path}`);
    case 'mount':
      return paths.map((path) => `${path} itself (of the host; not what git runs)`);
    case 'mount-ro':
      return [];
    default:
      throw new Error(`the cage has an unknown workspace: ${String(workspace satisfies never)}`);
  }
}
