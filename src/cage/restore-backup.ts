// `restore FILE`: a cage out of a backup, under its own or another name, with an identity of its own. Everything is unpacked, checked and put
// together beside the cages; only what is whole takes a place among them.
import {
  chownSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statfsSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import type { ArchiveEntry } from '../archive/entry.ts';
import type { NameBytes } from '../archive/entry-name.ts';
import type { Manifest } from '../archive/manifest.ts';
import { readArchive, readManifest } from '../archive/read-archive.ts';
import { refused } from '../archive/refusal.ts';
import { MAX_SEALED_BYTES, openSecrets, type CarriedSecret } from '../archive/sealed-secrets.ts';
import { openStage } from '../archive/stage.ts';
import { errorMessage, IronError, systemErrorCode } from '../platform/errors.ts';
import { makeDirectory, pathExists, removeTree, writeFileAtomic } from '../platform/files.ts';
import { holdingInterrupts, noticeSignals, refuseWhenInterrupted } from '../platform/interrupts.ts';
import { parseJson } from '../platform/json.ts';
import { writeSealedFile } from '../platform/sealed-file.ts';
import { tellIfSlow } from '../platform/slowness.ts';
import { setSecret } from '../secrets/store.ts';
import { unpackBase } from '../workspace/carry-base.ts';
import type { Owner } from '../workspace/copy-tree.ts';
import { workspaceDirectory, directoriesOf } from '../workspace/workspace.ts';
import { writeWorkspaceRecord } from '../workspace/workspace-file.ts';
import { agentProfile } from './agent-profiles.ts';
import { isMessageFile } from './backup-parts.ts';
import type { Context } from './context.ts';
import { cageIdentity, currentCaller } from './identity.ts';
import { endOther, makeRoom, refuseTaken, type RoomOptions } from './make-room.ts';
import { parseCageName } from './names.ts';
import {
  asksFor,
  projectIsThere,
  requestedSpec,
  restoredExposure,
  withPlace,
  withSecrets,
  withUsers,
} from './restored-spec.ts';
import { announceWhole, beginStage, giveUp, takePlace } from './restore-journal.ts';
import type { RestoredCage } from './restore-trashed.ts';
import { secretsDirectory } from './secrets.ts';
import { seedHome } from './seed-home.ts';
import type { CageSpec } from './spec.ts';
import { writeState } from './state.ts';
import { openDataRoot, withCageLock } from './store.ts';

export interface RestorePlan {
  /** Name that the cage would have. */
  cage: string;
  /** That it had when the backup was made. */
  from: string;
  createdAt: string;
  project: string;
  projectIsThere: boolean;
  entries: number;
  /** Unpacked. */
  bytes: number;
  fileBytes: number;
  exposure: string;
  /** What it would be let do on this machine: one line each. */
  asksFor: readonly string[];
  leftOut: Manifest['leftOut'];
  hasSecrets: boolean;
  /** Of what is shown here: `restoreBackup` takes no other file. */
  seal: string;
}

export interface RestoreTarget {
  name?: string | undefined;
  project?: string | undefined;
}

/** Reads no more than the manifest; touches nothing. Throws E_ARCHIVE, and what keeps a cage like that from being here. */
export async function planRestore(context: Context, file: string, target: RestoreTarget): Promise<RestorePlan> {
  return withFile(context, file, async (fd) => {
    const { manifest, seal } = await readManifest(fd);
    const name = parseCageName(target.name ?? manifest.cage);
    const spec = await requestedSpec(context, manifest, { name, project: target.project });
    const { cage: from, createdAt, entries, bytes, leftOut, hasSecrets } = manifest;
    return {
      ...{ cage: name, from, createdAt, entries, bytes, leftOut, hasSecrets, seal },
      ...{ project: spec.project, projectIsThere: projectIsThere(spec), fileBytes: fstatSync(fd).size },
      exposure: restoredExposure(spec),
      asksFor: asksFor(spec, manifest),
    };
  });
}

export interface RestoreRequest extends RestoreTarget, RoomOptions {
  /** Of the plan that was agreed to. */
  seal: string;
  /** Opens the secrets of the backup; absent: they are left out. */
  passphrase?: string | undefined;
}

/** Throws E_ARCHIVE for a file that is not exactly as ironcage writes it, E_CAGE_EXISTS unless `force`; then all is as before. */
export async function restoreBackup(context: Context, file: string, request: RestoreRequest): Promise<RestoredCage> {
  openDataRoot(context);
  return withFile(context, file, (fd) =>
    holdingInterrupts((interrupted) => restoreOpen(context, fd, request, interrupted)),
  );
}

async function restoreOpen(
  context: Context,
  fd: number,
  request: RestoreRequest,
  interrupted: AbortSignal,
): Promise<RestoredCage> {
  const { manifest, seal } = await readManifest(fd);
  if (seal !== request.seal) throw refused(ANOTHER_FILE);
  const name = parseCageName(request.name ?? manifest.cage);
  return withCageLock(context, name, async () => {
    await refuseTaken(context, name, request);
    const asked = await requestedSpec(context, manifest, { name, project: request.project });
    const stage = beginStage(context, name);
    context.step('restore: begin');
    try {
      return await restoreInto(context, { fd, stage, asked, request, interrupted });
    } catch (error) {
      giveUp(context, name);
      throw error;
    }
  });
}

interface Restoring {
  fd: number;
  stage: string;
  asked: CageSpec;
  request: RestoreRequest;
  interrupted: AbortSignal;
}

async function restoreInto(
  context: Context,
  { fd, stage, asked, request, interrupted }: Restoring,
): Promise<RestoredCage> {
  const { name } = asked;
  const placed = await withPlace(context, withUsers(asked));
  const site: Site = { stage, unpacked: join(stage, 'unpacked'), owner: ownerOf(placed) };
  mkdirSync(site.unpacked, { mode: 0o700 });
  const { manifest, carried } = await unpack(context, fd, site, { ...request, interrupted });
  context.step('restore: unpacked');
  const spec = await withSecrets(context, placed, carried);
  await layWorkspaces(spec, manifest, site, (line) => context.progress(line));
  context.step('restore: workspaces laid');
  await layHome(context, spec, site);
  layMessages(site);
  removeTree(site.unpacked, stage);
  removeTree(join(stage, LIST), stage);
  writeSealedFile(join(stage, 'spec.json'), `${JSON.stringify(spec, undefined, 2)}\n`);
  writeState(join(stage, 'state.json'), { phase: 'stopped' });
  context.step('restore: put together');
  await noticeSignals();
  refuseWhenInterrupted(interrupted);
  await endOther(context, name, request);
  // Not before it is certain that the cage that has the name gives it up: they take the place of its own.
  for (const { name: secret, value, hosts, slots } of carried)
    await setSecret(secretsDirectory(context), secret, value, { hosts, slots, cage: name }, context.clock);
  announceWhole(context, name);
  context.step('restore: announced');
  await makeRoom(context, name, request);
  context.step('restore: room made');
  takePlace(context, name);
  context.step('restore: in place');
  return { cage: name, project: spec.project, projectIsThere: projectIsThere(spec) };
}

interface Site {
  /** Becomes the cage's directory. */
  stage: string;
  unpacked: string;
  owner: Owner | undefined;
}

const LIST = 'entries';

function ownerOf(spec: CageSpec): Owner | undefined {
  const caller = currentCaller();
  if (caller.uid !== 0) return undefined;
  const { uid, gid } = cageIdentity(caller, spec);
  return { uid, gid };
}

interface Unpacked {
  manifest: Manifest;
  carried: readonly CarriedSecret[];
}

async function unpack(
  context: Context,
  fd: number,
  { stage, unpacked, owner }: Site,
  { seal, passphrase, interrupted }: RestoreRequest & { interrupted: AbortSignal },
): Promise<Unpacked> {
  const state: { manifest?: Manifest; sealed?: Buffer } = {};
  const place = openStage(unpacked, (names) => (isInCage(names) ? owner : undefined));
  let [entries, toldAt] = [0, performance.now()];
  try {
    await readArchive(fd, {
      listFile: join(stage, LIST),
      begin: async ({ manifest, seal: found }) => {
        if (found !== seal) throw refused(ANOTHER_FILE);
        refuseTooLarge(stage, manifest);
        state.manifest = manifest;
      },
      entry: async (entry, names, contents) => {
        const { manifest } = state;
        if (manifest === undefined) throw refused('it does not begin with a manifest');
        refuseWhenInterrupted(interrupted);
        refuseElsewhere(entry, names, manifest);
        if (entry.path === 'secrets.json') state.sealed = await held(entry, contents);
        else await place.put(entry, names, stoppable(contents, interrupted));
        entries += 1;
        if (performance.now() - toldAt < PROGRESS_MS) return;
        toldAt = performance.now();
        context.progress(
          `${entries.toLocaleString('en')} of ${manifest.entries.toLocaleString('en')} files and directories`,
        );
      },
    });
  } finally {
    place.close();
  }
  const { manifest, sealed } = state;
  if (manifest === undefined || manifest.hasSecrets !== (sealed !== undefined))
    throw refused('its secrets are missing');
  const carried = sealed === undefined || passphrase === undefined ? [] : await openSecrets(sealed, passphrase);
  return { manifest, carried };
}

async function* stoppable(pieces: AsyncIterable<Buffer>, interrupted: AbortSignal): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    refuseWhenInterrupted(interrupted);
    yield piece;
  }
}

const PROGRESS_MS = 2000;
const ANOTHER_FILE = 'it is another file than the one that was looked at';

/** What programs in the cage may write; all else is the host’s. */
function isInCage(names: NameBytes): boolean {
  return names[0] === 'home' || names[0] === 'bus' || (names[0] === 'trees' && names.length > 1);
}

/** What is there once everything is unpacked has to fit, with room to live. */
function refuseTooLarge(stage: string, { bytes, entries }: Manifest): void {
  const { bavail, bsize } = statfsSync(stage);
  if (bytes + entries * 4096 < bavail * bsize) return;
  throw new IronError('E_DISK_FULL', {
    message: 'there is no room for what the backup unpacks to',
    because: `it is ${bytes} bytes in ${entries} files and directories, and ${bavail * bsize} bytes are free`,
    hint: 'make room, or restore into another data root with --home',
  });
}

/** Where what may lie in a backup. Each thing in it is named here, or refused. */
function refuseElsewhere({ path, kind, size }: ArchiveEntry, names: NameBytes, manifest: Manifest): void {
  const [top, second = '', ...below] = names;
  const workspace = /^(?:0|[1-9]\d{0,3})$/.test(second) ? manifest.workspaces[Number(second)] : undefined;
  const pack = /^(0|[1-9]\d{0,3})\.pack$/.exec(second)?.[1];
  const belongs =
    (path === 'secrets.json' && kind === 'file' && manifest.hasSecrets && size <= MAX_SEALED_BYTES) ||
    (path === 'base' && kind === 'directory') ||
    (top === 'base' &&
      below.length === 0 &&
      kind === 'file' &&
      manifest.workspaces[Number(pack ?? NaN)] !== undefined) ||
    (top === 'home' && manifest.hasHome && (names.length > 1 || kind === 'directory')) ||
    (path === 'messages' && kind === 'directory') ||
    (top === 'messages' &&
      isMessageFile(path.slice('messages/'.length)) &&
      kind === (path === 'messages/cursors' ? 'directory' : 'file')) ||
    (top === 'bus' && (names.length > 1 || kind === 'directory')) ||
    (path === 'trees' && kind === 'directory') ||
    (top === 'trees' && workspace?.hasTree === true && (below.length > 0 || kind === 'directory'));
  if (!belongs) throw refused('it has no place in a backup', path);
}

async function held({ size }: ArchiveEntry, contents: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of contents) pieces.push(Buffer.from(piece));
  const all = Buffer.concat(pieces);
  if (all.length !== size) throw refused('its secrets are cut off');
  return all;
}

async function layWorkspaces(
  spec: CageSpec,
  manifest: Manifest,
  { stage, unpacked, owner }: Site,
  tell: (line: string) => void,
): Promise<void> {
  const paths = [spec.project, ...(spec.dirs ?? []).map(({ path }) => path)];
  for (const [index, { dir, hasTree, base, leftOut, lastApplied }] of manifest.workspaces.entries()) {
    const storeDirectory = dir === '' ? stage : join(stage, 'dirs', dir);
    const projectRoot = paths[index] ?? '';
    if (!hasTree) {
      const [{ prepareWorkspace }, { inspectProject }] = await Promise.all([
        import('../workspace/prepare.ts'),
        import('../workspace/project.ts'),
      ]);
      const project = await inspectProject(projectRoot);
      await prepareWorkspace({
        project,
        storeDirectory,
        strategy: 'mount',
        owner,
        writable: spec.workspace === 'mount',
      });
      continue;
    }
    const tree = join(unpacked, 'trees', String(index));
    const pack = join(unpacked, 'base', `${index}.pack`);
    if (!pathExists(tree) || !pathExists(pack)) throw refused('a workspace or its base is missing');
    const directory = workspaceDirectory(storeDirectory);
    makeDirectory(directory);
    const gitDir = join(directory, 'base.git');
    const unpacking = (): ReturnType<typeof unpackBase> => unpackBase(pack, gitDir, base, lastApplied);
    const applied = await tellIfSlow(tell, `checking the base of ${projectRoot}`, unpacking).catch((error: unknown) => {
      throw systemErrorCode(error) === 'ENOSPC' ? error : refused(`its base cannot be used: ${errorMessage(error)}`);
    });
    renameSync(tree, directoriesOf(directory).tree);
    writeWorkspaceRecord(directory, {
      ...{ version: 1, strategy: 'copy', projectRoot, base, leftOut },
      ...(owner === undefined ? {} : { owner }),
      ...{ maskedPaths: [], extraReadOnlyBinds: [] },
      ...(applied === undefined ? {} : { lastApplied: applied }),
    });
  }
}

/** A home that did not come along begins as that of a new cage. */
async function layHome(context: Context, spec: CageSpec, { stage, unpacked, owner }: Site): Promise<void> {
  const [home, own] = [join(stage, 'home'), join(unpacked, 'home')];
  if (pathExists(own)) renameSync(own, home);
  else {
    makeDirectory(home);
    if (owner !== undefined) chownSync(home, owner.uid, owner.gid);
  }
  if (spec.agent !== undefined) seedHome(home, await agentProfile(context, spec.agent), spec, owner);
}

/** Anybody may have written what the user is said to have sent: a message that was restored says so, and counts as foreign. */
function layMessages({ stage, unpacked }: Site): void {
  for (const part of ['messages', 'bus']) {
    if (pathExists(join(unpacked, part))) renameSync(join(unpacked, part), join(stage, part));
  }
  const journal = join(stage, 'messages', 'journal.jsonl');
  if (!pathExists(journal)) return;
  const entries = readFileSync(journal, 'utf8').split('\n').map(parseJson);
  const marked = entries.flatMap((entry) =>
    typeof entry === 'object' && entry !== null ? [`${JSON.stringify({ ...entry, restored: true })}\n`] : [],
  );
  writeFileAtomic(journal, marked.join(''));
}

/** Opened once, so that what was looked at is what is read. */
async function withFile<T>(context: Context, file: string, work: (fd: number) => Promise<T>): Promise<T> {
  const path = resolve(context.cwd, file);
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    throw new IronError('E_USAGE', {
      message: `there is no file ${path}`,
      hint: 'name a backup; a removed cage comes back with ironcage restore --trash NAME',
    });
  }
  try {
    if (!fstatSync(fd).isFile()) throw refused('it is no ordinary file');
    return await work(fd);
  } finally {
    closeSync(fd);
  }
}
