// What a cage sees of the host's /etc: all of it read-only, less the files that hold secrets, with its own names,
// resolver, users and certificate bundle laid over it.
import { accessSync, constants, lstatSync, readFileSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { pathExists } from '../../platform/files.ts';

/** Files and directories that may hold credentials whatever their mode says. */
const SECRET_ENTRIES = [
  'shadow',
  'shadow-',
  'gshadow',
  'gshadow-',
  'passwd-',
  'group-',
  'sudoers',
  'sudoers.d',
  'ssh',
  'ssl/private',
  'pki/tls/private',
  'letsencrypt',
  'krb5.keytab',
  'krb5.conf.d',
  'security/opasswd',
  'wireguard',
  'openvpn',
  'ipsec.secrets',
  'ipsec.d',
  'ppp',
  'NetworkManager',
  'netplan',
  'wpa_supplicant',
  'cups',
  'docker',
  'containers/auth.json',
  'kubernetes',
  'rancher',
  'cni',
  'ceph',
  'iscsi',
  'exim4',
  'postfix/sasl',
  'mysql/debian.cnf',
  'netrc',
  'npmrc',
  'pip.conf',
  'apt/auth.conf',
  'apt/auth.conf.d',
  'subversion',
  'fstab',
  'crypttab',
  'cifs-credentials',
  'davfs2',
  'environment',
  'environment.d',
  'gitconfig',
  'wgetrc',
  'odbc.ini',
  'ldap',
  'default',
  'cron.d',
  'crontab',
  'systemd',
  '.git',
  '.pwd.lock',
  'ironcage',
] as const;

export interface EtcMask {
  path: string;
  kind: 'file' | 'directory';
}

/** What to cover of `/etc`: the table above, and whatever the caller may read although the world may not. */
export function etcMasks(etc = '/etc'): EtcMask[] {
  const masks = new Map<string, EtcMask>();
  const cover = (path: string): void => {
    const kind = kindOf(path);
    if (kind !== undefined) masks.set(path, { path, kind });
  };
  for (const entry of SECRET_ENTRIES) cover(join(etc, entry));
  for (const path of readableOnlyByCaller(etc)) cover(path);
  return [...masks.values()].filter(({ path }) => !masks.has(dirname(path)));
}

function kindOf(path: string): EtcMask['kind'] | undefined {
  if (!pathExists(path)) return undefined;
  const entry = lstatSync(path);
  if (entry.isDirectory()) return 'directory';
  return entry.isFile() ? 'file' : undefined;
}

/** Two levels deep: packages keep private files there; what lies deeper stands below a directory of that kind. */
function readableOnlyByCaller(directory: string, depth = 2): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (!entry.isFile() && !entry.isDirectory()) continue;
    const needed = entry.isDirectory() ? 0o005 : 0o004;
    if ((lstatSync(path).mode & needed) !== needed) {
      if (mayRead(path)) found.push(path);
    } else if (entry.isDirectory() && depth > 1) found.push(...readableOnlyByCaller(path, depth - 1));
  }
  return found;
}

function mayRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    // Not readable for the caller, hence not for the cage.
    return false;
  }
}

/** Where a file of the host really lies: links are followed as far as they lead, also to a file that is missing. */
export function linkTarget(path: string): string {
  let current = path;
  for (let hops = 0; hops < 16; hops += 1) {
    if (!pathExists(current) || !lstatSync(current).isSymbolicLink()) break;
    const target = readlinkSync(current);
    current = isAbsolute(target) ? target : resolve(realpathSync(dirname(current)), target);
  }
  return current;
}

/** Bundles of trusted authorities, by distribution; each that exists is covered by the cage's own. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

export function systemBundlePaths(): string[] {
  return [...new Set(SYSTEM_BUNDLES.filter((path) => pathExists(path)).map(linkTarget))].filter((path) =>
    pathExists(path),
  );
}

/** The host's bundle with the cage's own authority behind it. */
export function combinedBundle(caPem: string): string {
  const [system] = systemBundlePaths();
  return `${system === undefined ? '' : readFileSync(system, 'utf8').trimEnd()}\n${caPem.trim()}\n`;
}

/** Java's store of trusted authorities, by distribution. */
const JAVA_STORES = [
  '/etc/ssl/certs/java/cacerts',
  '/etc/pki/java/cacerts',
  '/etc/pki/ca-trust/extracted/java/cacerts',
];

export function javaStorePaths(): string[] {
  return [...new Set(JAVA_STORES.filter((path) => pathExists(path)).map(linkTarget))].filter((path) =>
    pathExists(path),
  );
}

/** Directories in which Chromium and Chrome look for the machine's policies; a browser reads no bundle of the system. */
const BROWSER_POLICIES = ['/etc/chromium', '/etc/opt/chrome'];

export function browserPolicyDirectories(): string[] {
  return BROWSER_POLICIES.filter((path) => kindOf(path) === 'directory');
}

/** The policy that makes a browser trust an authority. */
export function browserPolicy(caPem: string): string {
  const der = caPem.replace(/-----[^-]+-----|\s/g, '');
  return `${JSON.stringify({ CACertificates: [der] })}\n`;
}

export interface EtcFile {
  name: string;
  text: string;
}

export const CAGE_USER = 'agent';

/** The files laid over the host's own, by name below /etc. */
export function etcFiles(user: { uid: number; gid: number; home: string; shell: string }, hostname: string): EtcFile[] {
  return [
    { name: 'resolv.conf', text: 'nameserver 127.0.0.1\noptions timeout:5 attempts:2\n' },
    { name: 'hosts', text: `127.0.0.1 localhost ${hostname}\n::1 localhost\n` },
    { name: 'hostname', text: `${hostname}\n` },
    {
      name: 'nsswitch.conf',
      text: 'passwd: files\ngroup: files\nhosts: files dns\nnetworks: files\nservices: files\nprotocols: files\n',
    },
    {
      name: 'passwd',
      text: `root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n${CAGE_USER}:x:${user.uid}:${user.gid}:${CAGE_USER}:${user.home}:${user.shell}\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n`,
    },
    { name: 'group', text: `root:x:0:\n${CAGE_USER}:x:${user.gid}:\nnogroup:x:65534:\n` },
  ];
}
