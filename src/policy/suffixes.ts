// Names under which anybody can get a name or a bucket: a wildcard there would allow every stranger. The Public Suffix List
// with its private section, and what it lacks. Costs milliseconds to load: only who reads rules on the host imports it.
import { parse } from 'tldts';

/** Services that hand out names and are not on the list. A wildcard directly under one of these is refused. */
const SHARED_SUFFIXES: ReadonlySet<string> = new Set([
  'b-cdn.net',
  'fastly.net',
  'glitch.me',
  'modal.run',
  'nip.io',
  'serveo.net',
  'sslip.io',
  'surge.sh',
  'webcontainer.io',
]);

/** Below these, every level is shared (regions, then buckets), so that no wildcard anywhere under them is safe. */
const SHARED_TREES: readonly string[] = [
  'amazonaws.com',
  'amazonaws.com.cn',
  'backblazeb2.com',
  'cloudapp.azure.com',
  'cloudflarestorage.com',
  'core.windows.net',
  'digitaloceanspaces.com',
  'googleapis.com',
  'googleusercontent.com',
  'on.aws',
  'oraclecloud.com',
];

/** The shared name that makes a wildcard before `name` unsafe, or undefined. */
export function sharedSuffix(name: string): string | undefined {
  const tree = SHARED_TREES.find((candidate) => name === candidate || name.endsWith(`.${candidate}`));
  if (tree !== undefined) return tree;
  if (!name.includes('.') || SHARED_SUFFIXES.has(name)) return name;
  const { publicSuffix } = parse(name, { allowPrivateDomains: true, extractHostname: false });
  // A name that the list cannot read is none that a rule should be wide about.
  if (publicSuffix === null || publicSuffix === name) return name;
  const within = SHARED_TREES.find((candidate) => candidate.endsWith(`.${name}`));
  if (within !== undefined) return within;
  return holdsSuffixes(name) ? name : undefined;
}

/** Whether each name under `name` is a public suffix itself, as the list says with a wildcard of its own. */
function holdsSuffixes(name: string): boolean {
  const { publicSuffix } = parse(`a.b.${name}`, { allowPrivateDomains: true, extractHostname: false });
  return publicSuffix !== null && publicSuffix.length > name.length;
}
