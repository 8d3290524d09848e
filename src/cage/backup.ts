// `backup`: a cage as one file that can be restored where neither the cage nor its project is any more. Written under another name and moved
// into place when it is whole; the cage is not changed.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  renameSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { encodeBytes } from '../archive/entry-name.ts';
import { FORMAT_VERSION, MAX_MANIFEST_BYTES, type Manifest } from '../archive/manifest.ts';
import { MANIFEST_PATH } from '../archive/read-archive.ts';
import { sealSecrets, type CarriedSecret } from '../archive/sealed-secrets.ts';
import { ChangedWhileRead, createArchiveWriter, type ArchiveWriter } from '../archive/write-archive.ts';
import { IronError } from '../platform/errors.ts';
import { pathExists } from '../platform/files.ts';
import { holdingInterrupts, refuseWhenInterrupted } from '../platform/interrupts.ts';
import { countSlowly, tellIfSlow } from '../platform/slowness.ts';
import { printableLine } from '../platform/text.ts';
import { readVersion } from '../platform/version.ts';
import { toText } from '../workspace/byte-path.ts';
import { readSecretValue } from '../secrets/store.ts';
import { packBase } from '../workspace/carry-base.ts';
import type { SkippedFile } from '../workspace/copy-tree.ts';
import { isGone } from '../workspace/directory-handle.ts';
import type { WalkedEntry } from '../workspace/walk-tree.ts';
import { announceBackup, endBackup } from './backup-journal.ts';
import { backupParts, type BackupPart } from './backup-parts.ts';
import { bringCommits } from './bring-commits.ts';
import type { Context } from './context.ts';
import { holdingStill } from './hold-still.ts';
import { repairCage } from './repair.ts';
import { secretsDirectory } from './secrets.ts';
import type { CageSpec } from './spec.ts';
import { readSpec, withCageLock } from './store.ts';
import { storedWorkspaces, workspacePlaces, type StoredWorkspace } from './workspaces.ts';

export interface BackupRequest {
  /** Relative to the current directory; a directory: a file with a name of its own in there. */
  file?: string | undefined;
  /** Writes over a file that is there. */
  force: boolean;
  /** Values of the bound secrets come along, under this. */
  passphrase?: string | undefined;
}

export interface BackupOutcome {
  cage: string;
  file: string;
  /** Of the file. */
  bytes: number;
  entries: number;
  unpackedBytes: number;
  secrets: readonly string[];
  /** What the backup does not hold. */
  leftOut: readonly { path: string; reason: string }[];
}

const PROGRESS_MS = 2000;
/** A file that takes long by itself. */
const LONG_BYTES = 64 * 1024 * 1024;
const MAX_LEFT_OUT = 10_000;
/** What a tar header has digits for. A cage can set any time, and what reads back as another would make the whole file useless. */
const MAX_MTIME_SECONDS = 0o77777777777;

/**
 * A running cage is held still meanwhile. Throws E_LOCKED, E_BACKEND where it cannot be, E_USAGE for a file that is there, E_WORKSPACE when
 * the project is written to all the time; then nothing of it stays.
 */
export async function backupCage(context: Context, name: string, request: BackupRequest): Promise<BackupOutcome> {
  return holdingInterrupts((interrupted) =>
    withCageLock(context, name, async () => {
      for (const line of await repairCage(context, name)) context.progress(line);
      const spec = await readSpec(context, name);
      await bringCommits(context, name);
      const file = targetOf(context, name, request);
      const partial = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString('hex')}.ironcage-partial`);
      const scratch = announceBackup(context, name, partial);
      context.step('backup: announced');
      try {
        const outcome = await holdingStill(context, name, () =>
          write(context, spec, { partial, scratch, passphrase: request.passphrase, interrupted }),
        );
        context.step('backup: written');
        refuseWhenInterrupted(interrupted);
        // Looked at again: somebody may have written there meanwhile.
        if (!request.force) refuseTaken(file);
        renameSync(partial, file);
        context.step('backup: named');
        return { cage: name, file, ...outcome };
      } finally {
        endBackup(context, name);
      }
    }),
  );
}

function targetOf(context: Context, name: string, { file, force }: BackupRequest): string {
  const time = new Date(context.clock.now()).toISOString().slice(0, 19).replace(/[-:]/g, '');
  const own = `${name}-${time}Z.ironcage.tar.gz`;
  const given = resolve(context.cwd, file ?? own);
  const target = lstatSync(given, { throwIfNoEntry: false })?.isDirectory() === true ? join(given, own) : given;
  if (!pathExists(dirname(target))) {
    throw new IronError('E_USAGE', {
      message: `there is no directory ${dirname(target)} for the backup`,
      hint: 'make it, or name another place with -o',
    });
  }
  if (!force) refuseTaken(target);
  const kind = lstatSync(target, { throwIfNoEntry: false });
  if (kind !== undefined && !kind.isFile()) {
    throw new IronError('E_USAGE', {
      message: `${target} is no ordinary file`,
      hint: 'a backup takes the place of a file only: name another with -o',
    });
  }
  return target;
}

function refuseTaken(file: string): void {
  if (!pathExists(file)) return;
  throw new IronError('E_USAGE', {
    message: `there is a file ${file} already`,
    hint: 'name another with -o, or write over it with --force',
  });
}

interface Writing {
  partial: string;
  scratch: string;
  passphrase: string | undefined;
  interrupted: AbortSignal;
}

interface Contents {
  workspaces: readonly StoredWorkspace[];
  parts: readonly BackupPart[];
  packs: readonly string[];
  secrets: readonly CarriedSecret[];
  sealed: Buffer | undefined;
}

/** What of an overlay’s project shows through may change while it is read: then all of it is read again. */
const ATTEMPTS = 3;

async function write(
  context: Context,
  spec: CageSpec,
  { partial, scratch, passphrase, interrupted }: Writing,
): Promise<Omit<BackupOutcome, 'cage' | 'file'>> {
  const workspaces = await ordered(context, spec);
  const tell = (line: string): void => context.progress(line);
  const parts = await tellIfSlow(tell, 'looking at what the cage has', () =>
    backupParts(context, spec, workspaces, scratch),
  );
  const packs: string[] = [];
  for (const [index, { workspace }] of workspaces.entries()) {
    const { base, projectRoot, lastApplied } = workspace;
    const pack = (): Promise<string> => packBase(base, join(scratch, `base-${index}`), lastApplied);
    packs.push(await tellIfSlow(tell, `packing the base of ${projectRoot}`, pack));
  }
  const secrets = passphrase === undefined ? [] : await boundValues(context, spec);
  const sealed = passphrase === undefined ? undefined : await sealSecrets(secrets, passphrase);
  const contents = { workspaces, parts, packs, secrets, sealed };

  const fd = openSync(partial, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    giveToUser(fd, dirname(partial));
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const list = join(scratch, `entries-${attempt}`);
      const outcome = await tryToWrite(context, spec, contents, { fd, list, interrupted });
      if (outcome !== undefined) return outcome;
      ftruncateSync(fd);
    }
  } finally {
    closeSync(fd);
  }
  throw new IronError('E_WORKSPACE', {
    message: `files of ${spec.project} change all the time while they are read`,
    because: 'the cage sees what it has not changed itself as it is in the project',
    hint: 'wait until what writes there has ended, then run the command again; nothing was changed',
  });
}

/** Undefined when what was written is not what was counted. */
async function tryToWrite(
  context: Context,
  spec: CageSpec,
  { workspaces, parts, packs, secrets, sealed }: Contents,
  { fd, list, interrupted }: { fd: number; list: string; interrupted: AbortSignal },
): Promise<Omit<BackupOutcome, 'cage' | 'file'> | undefined> {
  const counted = await count(context, parts, packs, { sealed, interrupted });
  const leftOut = [...(spec.profile === undefined ? [] : [sharedHome(spec.profile)]), ...counted.leftOut];
  const manifest = manifestOf(context, spec, workspaces, { ...counted, leftOut, hasSecrets: sealed !== undefined });
  const text = Buffer.from(JSON.stringify(manifest));
  if (text.length > MAX_MANIFEST_BYTES) throw new Error('there is more to say about this cage than a backup can hold');

  const writer = createArchiveWriter(fd, list, interrupted);
  try {
    await writer.add(file(MANIFEST_PATH, text.length), { bytes: text });
    if (sealed !== undefined) await writer.add(file('secrets.json', sealed.length), { bytes: sealed });
    await writer.add(directory('base'));
    for (const [index, pack] of packs.entries()) await addFile(writer, `base/${index}.pack`, pack);
    context.step('backup: base written');
    await addParts(context, writer, parts, manifest.entries);
    const { entries, bytes } = writer.added();
    // Less the manifest itself.
    if (entries - 1 !== counted.entries || bytes - text.length !== counted.bytes) {
      writer.abort();
      return undefined;
    }
    await tellIfSlow(
      (line) => context.progress(line),
      'writing the list of all of it',
      () => writer.finish(),
    );
  } catch (error) {
    writer.abort();
    if (error instanceof ChangedWhileRead || isGone(error)) return undefined;
    throw error;
  }
  const { entries, bytes: unpackedBytes } = counted;
  const names = secrets.map((secret) => secret.name);
  return { bytes: fstatSync(fd).size, entries, unpackedBytes, secrets: names, leftOut };
}

/** As the spec has them: what is not in it holds no work that could be named. */
async function ordered(context: Context, spec: CageSpec): Promise<StoredWorkspace[]> {
  const stored = await storedWorkspaces(context, spec.name);
  return workspacePlaces(context, spec).map(({ dir }) => {
    const found = stored.find((each) => each.dir === dir);
    if (found !== undefined) return found;
    throw new IronError('E_WORKSPACE', {
      message: `a workspace of ${spec.name} is missing${dir === '' ? '' : `: ${dir}`}`,
      hint: `ironcage show ${spec.name} says what there is`,
    });
  });
}

interface Counted {
  /** Behind the manifest. */
  entries: number;
  bytes: number;
  leftOut: SkippedFile[];
}

async function count(
  context: Context,
  parts: readonly BackupPart[],
  packs: readonly string[],
  { sealed, interrupted }: { sealed: Buffer | undefined; interrupted: AbortSignal },
): Promise<Counted> {
  const told = countSlowly((line) => context.progress(line), 'files and directories counted');
  const counted: Counted = {
    entries: 1 + packs.length + (sealed === undefined ? 0 : 1) + parentsOf(parts).length,
    bytes: (sealed?.length ?? 0) + packs.reduce((sum, pack) => sum + statSync(pack).size, 0),
    leftOut: [],
  };
  for (const part of parts) {
    counted.entries += 1;
    const skipped = ({ path, reason }: SkippedFile): void => {
      if (counted.leftOut.length < MAX_LEFT_OUT)
        counted.leftOut.push({ path: `${part.title}: ${path}`.slice(0, 4000), reason });
    };
    for await (const { kind, stat } of part.walk(skipped)) {
      refuseWhenInterrupted(interrupted);
      told((counted.entries += 1));
      if (kind === 'file') counted.bytes += Number(stat.size);
    }
  }
  return counted;
}

/** Directories that only hold parts. */
function parentsOf(parts: readonly BackupPart[]): string[] {
  return [
    ...new Set(
      parts
        .map((part) => part.directory)
        .filter((path) => path.includes('/'))
        .map(dirname),
    ),
  ];
}

async function addParts(
  context: Context,
  writer: ArchiveWriter,
  parts: readonly BackupPart[],
  total: number,
): Promise<void> {
  const made = new Set<string>();
  let [entries, toldAt] = [0, performance.now()];
  for (const part of parts) {
    const parent = dirname(part.directory);
    if (parent !== '.' && !made.has(parent)) await writer.add(directory(parent));
    made.add(parent);
    await writer.add(directory(part.directory));
    for await (const walked of part.walk(() => undefined)) {
      const add = (): Promise<void> => addWalked(writer, part, walked);
      if (walked.stat.size < LONG_BYTES) await add();
      else await tellIfSlow((line) => context.progress(line), `writing ${printableLine(toText(walked.path))}`, add);
      entries += 1;
      if (performance.now() - toldAt < PROGRESS_MS) continue;
      toldAt = performance.now();
      context.progress(`${entries.toLocaleString('en')} of ${total.toLocaleString('en')} files and directories`);
    }
    context.step(`backup: ${part.directory} written`);
  }
}

async function addWalked(
  writer: ArchiveWriter,
  part: BackupPart,
  { path, kind, stat, target, open }: WalkedEntry,
): Promise<void> {
  const name = `${part.directory}/${path.split('/').map(encodeBytes).join('/')}`;
  const mtime = Math.min(Math.max(0, Math.floor(Number(stat.mtimeMs) / 1000)), MAX_MTIME_SECONDS);
  const own = { path: name, kind, mode: Number(stat.mode) & 0o777, size: 0, mtime, target: encodeBytes(target) };
  if (kind !== 'file') return writer.add(kind === 'link' ? { ...own, mode: 0o777 } : own);
  const { fd, stat: now } = open();
  try {
    await writer.add({ ...own, size: Number(now.size) }, { fd });
  } finally {
    closeSync(fd);
  }
}

async function addFile(writer: ArchiveWriter, path: string, source: string): Promise<void> {
  const fd = openSync(source, 'r');
  try {
    await writer.add(file(path, fstatSync(fd).size), { fd });
  } finally {
    closeSync(fd);
  }
}

function file(path: string, size: number): Parameters<ArchiveWriter['add']>[0] {
  return { path, kind: 'file', mode: 0o600, size, mtime: 0, target: '' };
}

function directory(path: string): Parameters<ArchiveWriter['add']>[0] {
  return { path, kind: 'directory', mode: 0o700, size: 0, mtime: 0, target: '' };
}

function manifestOf(
  context: Context,
  spec: CageSpec,
  workspaces: readonly StoredWorkspace[],
  { entries, bytes, leftOut, hasSecrets }: Counted & { hasSecrets: boolean },
): Manifest {
  return {
    format: 'ironcage-backup',
    version: FORMAT_VERSION,
    ironcage: readVersion(),
    createdAt: new Date(context.clock.now()).toISOString(),
    cage: spec.name,
    spec: { ...spec, secrets: spec.secrets.map(({ placeholder: _worth, ...binding }) => binding) },
    workspaces: workspaces.map(({ dir, workspace }) => ({
      dir,
      path: workspace.projectRoot,
      hasTree: workspace.strategy !== 'mount',
      base: {
        objectFormat: workspace.base.objectFormat,
        tree: workspace.base.tree,
        commit: workspace.base.commit,
        ...(workspace.base.head === undefined ? {} : { head: workspace.base.head }),
        nested: [...workspace.base.nested],
        ...(workspace.base.submodules.length === 0 ? {} : { submodules: [...workspace.base.submodules] }),
        unreadable: [...workspace.base.unreadable],
      },
      leftOut: [...workspace.leftOut],
      ...(workspace.lastApplied === undefined ? {} : { lastApplied: workspace.lastApplied }),
    })),
    hasHome: spec.profile === undefined,
    hasSecrets,
    ...{ entries, bytes, leftOut },
  };
}

function sharedHome(profile: string): SkippedFile {
  return { path: 'home', reason: `it is the home of all cages of the profile ${profile}` };
}

async function boundValues(context: Context, { name, secrets }: CageSpec): Promise<CarriedSecret[]> {
  const carried: CarriedSecret[] = [];
  for (const { name: secret, hosts, slots } of secrets) {
    const value = await readSecretValue(secretsDirectory(context), secret, name);
    if (value !== undefined) carried.push({ name: secret, hosts, slots, value: value.reveal() });
  }
  return carried;
}

/** What root writes into a user's directory belongs to that user. */
function giveToUser(fd: number, parent: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(parent);
  fchownSync(fd, uid, gid);
}
