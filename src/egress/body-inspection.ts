// One body or message on its way out of the cage: what is looked for in it, piece by piece, with what is needed of the pieces
// before. It is looked at as it stands on the wire and, where it is coded, as it decodes.
import { MODEL_HOSTS } from '../policy/bundles.ts';
import { createGitPushJudge, type GitPushJudge } from '../policy/git-push.ts';
import { oddities } from '../policy/content/payload-shape.ts';
import type { InspectorNote } from '../policy/types.ts';
import { contentCodings, decodeForInspection, type ContentDecoding } from './inspect-coding.ts';
import type { BodyInspection, BodySubject } from './inspection.ts';
import type { Traces } from './inspect-secrets.ts';
import { createScanner } from './inspect-stream.ts';
import { Refusal } from './refusal.ts';

const HEAD_BYTES = 512;
const HISTOGRAM_STRIDE = 61;
const HISTOGRAM_BYTES = 16 * 1024;

export function createBodyInspection(subject: BodySubject, traces: Traces): BodyInspection {
  const { rule, kind } = subject;
  const found: InspectorNote[] = [];
  const note = (name: string, reason: string): void => {
    if (!found.some((other) => other.name === name && other.reason === reason)) {
      found.push({ name, action: 'note', reason });
    }
  };
  const declared = kind === 'message' ? [] : headerValues(subject, 'content-encoding');
  const codings = declared.length === 0 ? declared : contentCodings(declared);
  const part = { part: kind, takesPlaceholders: takesPlaceholders(subject) };
  const scanner = createScanner(traces, part, note);
  const plainScanner = codings.length === 0 ? scanner : createScanner(traces, part, note);
  const shape = createShapeSample(subject, traces, note);
  const gitPush = rule?.pushRefs === undefined ? undefined : createGitPushJudge(rule.pushRefs);

  /** The body as its receiver reads it. */
  const lookAtPlain = (bytes: Buffer): void => {
    judgePush(gitPush, bytes);
    plainScanner.push(bytes);
    shape?.push(bytes);
  };
  const decoding: ContentDecoding | undefined =
    codings.length === 0 ? undefined : decodeForInspection(codings, lookAtPlain);

  async function pushCoded(bytes: Buffer, into: ContentDecoding): Promise<void> {
    scanner.push(bytes);
    await into.push(bytes);
    await judgeShapes();
  }

  function judgeShapes(): Promise<void> | undefined {
    const first = scanner.judge();
    if (plainScanner === scanner) return first;
    const second = plainScanner.judge();
    return first === undefined ? second : first.then(() => second);
  }

  async function finishCoded(into: ContentDecoding): Promise<void> {
    await into.finish();
    finishPlain();
    await judgeShapes();
  }

  function finishPlain(): void {
    shape?.finish(plainScanner.longestBlobBytes());
    const verdict = gitPush?.finish();
    if (verdict !== undefined && verdict !== 'pass') throw pushRefusal(verdict.deny);
  }

  return {
    push(pieces) {
      const [first] = pieces;
      // Thousands of small pieces, as a cage may cut them, are looked at as one.
      const bytes = pieces.length === 1 && first !== undefined ? first : Buffer.concat([...pieces]);
      if (decoding !== undefined) return pushCoded(bytes, decoding);
      lookAtPlain(bytes);
      return scanner.judge();
    },
    finish() {
      if (decoding !== undefined) return finishCoded(decoding);
      finishPlain();
      return undefined;
    },
    notes: () => found,
  };
}

/**
 * Where the conversation of an agent goes: it holds what the agent has seen, and that is the placeholders of its environment.
 * They are put in for nobody in a body; refusing them would end every agent that once looked at its environment.
 */
function takesPlaceholders({ exchange: { host }, settings }: BodySubject): boolean {
  return MODEL_HOSTS.has(host) || settings.bindings.some(({ hosts }) => hosts.includes(host));
}

interface ShapeSample {
  push(bytes: Buffer): void;
  /** Throws a Refusal where oddities are to be blocked. */
  finish(longestBlobBytes: number): void;
}

function createShapeSample(
  subject: BodySubject,
  { inspection }: Traces,
  note: (name: string, reason: string) => void,
): ShapeSample | undefined {
  if (inspection.payloadShape === 'off' || subject.kind === 'message') return undefined;
  const [declared = ''] = headerValues(subject, 'content-type');
  const mediaType = (declared.split(';')[0] ?? '').trim().toLowerCase();
  let head: Buffer = Buffer.alloc(0);
  let histogram: Uint32Array | undefined;
  let sampledBytes = 0;

  const judge = (longestBlobBytes: number): void => {
    const sample = { mediaType, head, histogram: histogram ?? new Uint32Array(0), sampledBytes, longestBlobBytes };
    for (const oddity of oddities(sample)) {
      const reason = `the body is odd: ${oddity}`;
      if (inspection.payloadShape === 'block') throw new Refusal({ status: 403, rule: '<payload-shape>', reason });
      note('payload-shape', reason);
    }
  };

  return {
    push(bytes) {
      if (head.length < HEAD_BYTES) {
        const more = bytes.subarray(0, HEAD_BYTES - head.length);
        head = head.length === 0 ? Buffer.from(more) : Buffer.concat([head, more]);
      }
      if (bytes.length >= HISTOGRAM_STRIDE * 4 && sampledBytes < HISTOGRAM_BYTES) {
        histogram ??= new Uint32Array(256);
        for (let at = 0; at < bytes.length; at += HISTOGRAM_STRIDE) {
          const byte = bytes[at] ?? 0;
          histogram[byte] = (histogram[byte] ?? 0) + 1;
          sampledBytes += 1;
        }
      }
    },
    finish: judge,
  };
}

function judgePush(gitPush: GitPushJudge | undefined, bytes: Buffer): void {
  // Bytes may go on while the list is not complete: git acts on nothing before the flush that ends it, and that comes
  // only in bytes whose every line before was judged.
  const verdict = gitPush?.push(bytes);
  if (verdict !== undefined && typeof verdict === 'object') throw pushRefusal(verdict.deny);
}

function pushRefusal(reason: string): Refusal {
  return new Refusal({ status: 403, rule: '<git-push>', reason });
}

function headerValues({ exchange }: BodySubject, name: string): string[] {
  const values: string[] = [];
  for (const [field, value] of exchange.headers) if (field === name) values.push(value);
  return values;
}
