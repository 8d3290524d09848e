// The files that are generated for a cage into its run directory, whatever backend it has. Readable by the cage's uid, which
// may differ from ours; none of them is secret, and none is writable for it.
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { systemClock } from '../../platform/clock.ts';
import { IronError } from '../../platform/errors.ts';
import type { CagePlan } from '../backend.ts';
import { browserPolicy, combinedBundle, etcFiles } from './etc.ts';
import { javaTrustStore } from './java-trust-store.ts';
import { GUEST_DIRECTORY, INSIDE_BIN, INSIDE_BUS, INSIDE_GUEST, INSIDE_NODE, RUN_FILES } from './layout.ts';
import { createSeccompFilter, type Confined } from './seccomp.ts';

export function writePublic(file: string, data: string | Buffer, mode = 0o644): void {
  writeFileSync(file, data, { mode });
  chmodSync(file, mode);
}

/** Writes what is known before the egress is up, and hands the cage's own directories to its user. `shell` is for its passwd. */
export function writeRunFiles(plan: CagePlan, shell: string): void {
  const { runDirectory, identity } = plan;
  for (const directory of [runDirectory, join(runDirectory, RUN_FILES.etc), join(runDirectory, RUN_FILES.trust)]) {
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, 0o755);
  }
  writePublic(join(runDirectory, RUN_FILES.empty), '');
  const user = { uid: identity.insideUid, gid: identity.insideGid, home: plan.homeTarget, shell };
  for (const { name, text } of etcFiles(user, plan.name)) writePublic(join(runDirectory, RUN_FILES.etc, name), text);
  writeOwnPrograms(join(runDirectory, RUN_FILES.trust));
  if (!plan.callerIsRoot) return;
  for (const directory of [plan.homeDirectory, plan.tmpDirectory, plan.busDirectory])
    chownSync(directory, identity.uid, identity.gid);
}

/** Our programs for inside, and places for the mounts that lie in the same directory. */
function writeOwnPrograms(trust: string): void {
  for (const path of [INSIDE_BUS, INSIDE_BIN, INSIDE_GUEST]) {
    const directory = join(trust, basename(path));
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, 0o755);
  }
  writePublic(join(trust, basename(INSIDE_NODE)), '', 0o755);
  for (const name of readdirSync(GUEST_DIRECTORY).filter((file) => /^(?!probe).*\.mjs$/.test(file))) {
    const file = join(trust, basename(INSIDE_GUEST), name);
    copyFileSync(join(GUEST_DIRECTORY, name), file);
    chmodSync(file, 0o644);
    const command = /^(cage-.+)\.mjs$/.exec(name)?.[1];
    if (command !== undefined) writePublic(join(trust, basename(INSIDE_BIN), command), wrapperOf(name), 0o755);
  }
}

/** Our Node wants glibc; an image without it may have one of its own. */
function wrapperOf(guest: string): string {
  const argv = `${INSIDE_GUEST}/${guest} "$@"`;
  return [
    '#!/bin/sh',
    'for loader in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1; do',
    `  [ -e "$loader" ] && exec ${INSIDE_NODE} ${argv}`,
    'done',
    `exec node ${argv}`,
    '',
  ].join('\n');
}

/** What a cage is shown of its authority, by the names of the files, from the certificate, PEM. */
const TRUST_FILES: Readonly<Record<string, (caPem: string) => string | Buffer>> = {
  'ca.pem': (caPem) => caPem,
  'ca-bundle.pem': combinedBundle,
  'java-cacerts': (caPem) => javaTrustStore(caPem, systemClock.now()),
  'browser.json': browserPolicy,
};

/** Places for the certificates, which are mounted before the authority is known. */
export function layTrust(runDirectory: string): void {
  for (const name of Object.keys(TRUST_FILES)) writePublic(join(runDirectory, RUN_FILES.trust, name), '');
}

/** Fills those places, or writes them anew: each stays the file that is mounted. */
export function writeTrust(runDirectory: string, caPem: string): void {
  for (const [name, contents] of Object.entries(TRUST_FILES))
    writePublic(join(runDirectory, RUN_FILES.trust, name), contents(caPem));
}

/** Writes the system-call filter of a cage or of its egress. Throws E_PROTECTION on an unknown architecture. */
export function writeFilter(runDirectory: string, confined: Confined): void {
  const filter = createSeccompFilter(process.arch, confined);
  if (filter === undefined) {
    throw new IronError('E_PROTECTION', {
      message: `no system-call filter is known for ${process.arch}`,
      hint: 'cages run on x86-64 and arm64',
    });
  }
  writePublic(join(runDirectory, confined === 'cage' ? RUN_FILES.filter : RUN_FILES.egressFilter), filter);
}

/** Writes what confines a program of ours beside a cage, such as its egress. Throws as writeFilter does. */
export function writeConfinement(runDirectory: string): void {
  writeFilter(runDirectory, 'egress');
  writePublic(join(runDirectory, RUN_FILES.egressMemory), memoryTold());
}

/** What such a program is told of the machine's memory: Node bounds its heap by it, here to about as much. */
const TOLD_KILOBYTES = 262_144;

/** Format: proc(5), /proc/meminfo. */
function memoryTold(): string {
  return ['MemTotal', 'MemFree', 'MemAvailable'].map((name) => `${name}: ${TOLD_KILOBYTES} kB\n`).join('');
}
