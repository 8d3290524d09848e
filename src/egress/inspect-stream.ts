// Looks at bytes as they stream by, for known secrets and for the shapes of credentials. What it needs of the bytes before
// is a kilobyte, and more only while something that may be a credential waits for its end.
import { MAX_REACH_BYTES } from '../policy/content/shape-anchors.ts';
import type { Traces } from './inspect-secrets.ts';
import {
  candidateOf,
  loadShapeJudge,
  rangeAt,
  type ShapeCandidate,
  type ShapeJudge,
  type ShapeRange,
} from './inspect-shapes.ts';
import { ESCAPE_OVERLAP_BYTES, lookThrough, newDecodingBudget, type Sighting } from './look-through.ts';
import { Refusal } from './refusal.ts';

/** Of each piece's end; a literal across two pieces is found in both together. */
const OVERLAP_BYTES = 1024;
/** Text that the rules are asked about, per body. Beyond it nothing could be said of the body. */
const MAX_CANDIDATE_CHARACTERS = 8 * 1024 * 1024;

export interface Scanner {
  /** Throws a Refusal for what is known to be secret. */
  push(bytes: Buffer): void;
  /** Asks the rules about what they must be asked about; a promise only where they have to be loaded first. */
  judge(): Promise<void> | undefined;
  longestBlobBytes(): number;
}

let judgeShapesOf: ShapeJudge | undefined;

export interface ScannedPart {
  /** What the texts call that which is looked at. */
  part: 'head' | 'body' | 'message';
  /** Whether a placeholder is no more than noted: its receiver may well be told what an agent sees in its environment. */
  takesPlaceholders: boolean;
}

export function createScanner(
  traces: Traces,
  { part, takesPlaceholders }: ScannedPart,
  note: (name: string, reason: string) => void,
): Scanner {
  const budget = newDecodingBudget();
  let candidates: ShapeCandidate[] = [];
  let ranges: ShapeRange[] = [];
  /** The last range of each rule. */
  const lastRanges = new Map<string, ShapeRange>();
  let charactersLeft = MAX_CANDIDATE_CHARACTERS;
  let kept: Buffer | undefined;
  const overlap = Math.max(OVERLAP_BYTES, traces.filter.maxLiteralBytes, traces.hasKnown ? ESCAPE_OVERLAP_BYTES : 0);
  /** Where, in the present view, a candidate begins whose rule may want to see bytes that are still to come. */
  let waitsFrom = 0;
  let view: Buffer = Buffer.alloc(0);

  const onSighting = ({ trace, bytes, position }: Sighting): void => {
    switch (trace.kind) {
      case 'secret': {
        const reason = `the ${part} holds the value of the secret ${trace.name}`;
        throw new Refusal({ status: 403, rule: '<secret-leak>', reason });
      }
      case 'placeholder': {
        const reason = `the ${part} holds the placeholder of ${trace.name}, which is worth nothing there`;
        if (takesPlaceholders) return note('placeholder', reason);
        throw new Refusal({ status: 403, rule: '<placeholder>', reason });
      }
      case 'shape': {
        const { anchor } = trace;
        if (bytes === view && position + anchor.behind > bytes.length) {
          waitsFrom = Math.min(waitsFrom, Math.max(0, position - anchor.before));
        }
        const range = rangeAt(bytes, position, anchor);
        if (range !== undefined) addRange(range);
        return;
      }
      default:
        trace satisfies never;
        throw new Error('a trace is of an unknown kind');
    }
  };

  /** Ranges that overlap become one: else a body of nothing but beginnings of credentials would be read once for each. */
  function addRange(range: ShapeRange): void {
    const last = lastRanges.get(range.rule);
    if (last?.bytes === range.bytes && range.start >= last.start && range.start <= last.end) {
      last.end = Math.max(last.end, range.end);
      return;
    }
    lastRanges.set(range.rule, range);
    ranges.push(range);
  }

  /** While the bytes are still there. */
  function takeCandidates(): void {
    for (const range of ranges) {
      charactersLeft -= range.end - range.start;
      if (charactersLeft > 0) candidates.push(candidateOf(range));
      else tooMany();
    }
    ranges = [];
    lastRanges.clear();
  }

  function tooMany(): void {
    const reason = `the ${part} holds more that may be credentials than can be judged`;
    if (traces.inspection.secretShapes === 'block') throw new Refusal({ status: 403, rule: '<secret-shape>', reason });
    note('secret-shape', reason);
  }

  function report(judge: ShapeJudge): void {
    const asked = candidates;
    candidates = [];
    for (const name of judge(asked)) {
      const reason = `the ${part} holds what looks like a credential: ${name}`;
      if (traces.inspection.secretShapes === 'block')
        throw new Refusal({ status: 403, rule: '<secret-shape>', reason });
      note('secret-shape', reason);
    }
  }

  return {
    push(bytes) {
      view = kept === undefined ? bytes : Buffer.concat([kept, bytes]);
      waitsFrom = Math.max(0, view.length - overlap);
      lookThrough(view, traces, budget, onSighting);
      if (ranges.length > 0) takeCandidates();
      // A copy: a view would keep the whole piece in memory.
      kept = Buffer.from(view.subarray(Math.max(waitsFrom, view.length - MAX_REACH_BYTES)));
    },
    judge() {
      if (candidates.length === 0) return undefined;
      if (judgeShapesOf !== undefined) {
        report(judgeShapesOf);
        return undefined;
      }
      return loadShapeJudge().then((judge) => {
        judgeShapesOf = judge;
        report(judge);
      });
    },
    longestBlobBytes: () => budget.longestBlobBytes,
  };
}
