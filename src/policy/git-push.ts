// Which references would a git push change? Reads the start of a `git-receive-pack` request, the list of commands up to its
// flush, and says no to a reference outside of the rule's. Stricter than git itself: what a server might read in another
// way is refused. Holds one packet at a time; never looks into the pack behind the list.
import { canonicalGlob, matchesPath } from './paths.ts';

export interface GitPushJudge {
  /**
   * Takes the next bytes of the body, decoded if it was compressed. `more`: nothing may be sent yet. `pass`: the list is
   * complete and within the rule, and so is whatever follows. A denial is final.
   */
  push(bytes: Uint8Array): GitPushVerdict;
  /** The end of the body: `pass` or a denial. */
  finish(): Exclude<GitPushVerdict, 'more'>;
}

export type GitPushVerdict = 'more' | 'pass' | { deny: string };

/** Git's own: LARGE_PACKET_MAX. */
const MAX_PACKET_BYTES = 65_520;
/** Some thousands of references, or of the boundaries of a shallow clone. */
export const MAX_PUSH_LIST_BYTES = 1024 * 1024;
const LENGTH_BYTES = 4;

/** Old and new object of one hash function, both lower case. */
const COMMAND = /^(?:[0-9a-f]{40} [0-9a-f]{40}|[0-9a-f]{64} [0-9a-f]{64}) (\S+)$/;
const SHALLOW = /^shallow (?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const PRINTABLE = /^[\x20-\x7e]*$/;

/** `pushRefs`: globs on whole names, `*` within a segment, `**` across. Throws for a glob that cannot be read. */
export function createGitPushJudge(pushRefs: readonly string[]): GitPushJudge {
  if (!pushRefs.every((glob) => canonicalGlob(`/${glob}`).ok)) {
    throw new Error('a rule names references in a way that cannot be read');
  }
  /** Of the packet that is being collected; its length is known once it holds LENGTH_BYTES. */
  let packet = new Uint8Array(LENGTH_BYTES);
  let filled = 0;
  let listBytes = 0;
  let commands = 0;
  let isListDone = false;
  let settled: Exclude<GitPushVerdict, 'more'> | undefined;

  /** Undefined: the list goes on. */
  const take = (): Exclude<GitPushVerdict, 'more'> | undefined => {
    const size = packetSize(packet);
    if (size === undefined) return { deny: 'the push holds a packet whose length cannot be read' };
    if (size === 0) {
      isListDone = true;
      // Git asks with an empty list whether it may push at all, before it sends a large one.
      return commands === 0 ? undefined : 'pass';
    }
    if (packet.length === LENGTH_BYTES) {
      const grown = new Uint8Array(size);
      grown.set(packet);
      packet = grown;
      return undefined;
    }
    const refused = judgeLine(packet.subarray(LENGTH_BYTES), commands === 0, pushRefs);
    if (refused !== undefined && refused !== 'shallow') return { deny: refused.deny };
    if (refused === undefined) commands += 1;
    else if (commands > 0) return { deny: 'the push names the bounds of its clone behind a reference' };
    packet = new Uint8Array(LENGTH_BYTES);
    filled = 0;
    return undefined;
  };

  return {
    push(bytes) {
      let position = 0;
      while (settled === undefined && position < bytes.length) {
        if (isListDone) settled = { deny: 'the push names no reference but goes on' };
        else {
          const piece = bytes.subarray(position, position + packet.length - filled);
          packet.set(piece, filled);
          filled += piece.length;
          position += piece.length;
          listBytes += piece.length;
          if (listBytes > MAX_PUSH_LIST_BYTES) settled = { deny: 'the push names too many references' };
          else if (filled === packet.length) settled = take();
        }
      }
      return settled ?? 'more';
    },
    finish() {
      settled ??= isListDone ? 'pass' : { deny: 'the push ends before its list of references does' };
      return settled;
    },
  };
}

/** Bytes of the whole packet, 0 for a flush, undefined for what may not stand in a list. */
function packetSize(packet: Uint8Array): number | undefined {
  const text = String.fromCharCode(...packet.subarray(0, LENGTH_BYTES));
  if (!/^[0-9a-f]{4}$/.test(text)) return undefined;
  const size = Number.parseInt(text, 16);
  if (size === 0) return 0;
  return size > LENGTH_BYTES && size <= MAX_PACKET_BYTES ? size : undefined;
}

/** Undefined: a command within the rule. */
function judgeLine(
  payload: Uint8Array,
  isFirst: boolean,
  pushRefs: readonly string[],
): 'shallow' | { deny: string } | undefined {
  const text = latin1(payload);
  const nul = text.indexOf('\0');
  const line = chomp(nul < 0 ? text : text.slice(0, nul));
  if (nul >= 0) {
    if (!isFirst) return { deny: 'the push states its capabilities behind the first reference' };
    const refused = judgeCapabilities(chomp(text.slice(nul + 1)));
    if (refused !== undefined) return refused;
  }
  if (nul < 0 && SHALLOW.test(line)) return 'shallow';
  if (line === 'push-cert') return { deny: 'signed pushes cannot be judged by reference' };
  const [, reference] = COMMAND.exec(line) ?? [];
  if (reference === undefined) return { deny: 'the push holds a line that is no change of a reference' };
  if (!isReference(reference)) return { deny: 'the push names a reference in a form that is not allowed' };
  if (pushRefs.some((glob) => matchesPath(`/${glob}`, `/${reference}`))) return undefined;
  return { deny: `the rule does not allow a push to ${reference}` };
}

function judgeCapabilities(text: string): { deny: string } | undefined {
  if (!PRINTABLE.test(text)) return { deny: 'the push states capabilities that cannot be read' };
  for (const capability of text.split(' ')) {
    // Some forges merge, or change settings, at a push option's word: then the reference says little.
    if (/^push-options\b/.test(capability)) return { deny: 'push options cannot be judged by reference' };
    if (/^push-cert\b/.test(capability)) return { deny: 'signed pushes cannot be judged by reference' };
  }
  return undefined;
}

/** `git check-ref-format`, shorter, and ASCII only: other letters have more than one spelling. */
function isReference(name: string): boolean {
  if (!/^refs\/[\x21-\x7e]{1,250}$/.test(name) || /[~^:?*[\\]|\.\.|@\{|\/\/|\/$|\.$/.test(name)) return false;
  return name.split('/').every((part) => !part.startsWith('.') && !part.endsWith('.lock'));
}

function chomp(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

/** One character per byte: whatever is not ASCII is refused by the patterns that follow. */
function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 4096) {
    text += String.fromCharCode(...bytes.subarray(start, start + 4096));
  }
  return text;
}
