// Asks a maintained collection of credential patterns about the surroundings of what the filter found. The collection is
// loaded at the first candidate: most egresses never see one. Nothing that it says is passed on but the name of a rule.
import { SHAPE_ANCHORS, isCandidate, type ShapeAnchor } from '../policy/content/shape-anchors.ts';

/** Text around a literal, as the rules read it, and the name of the rule to ask. */
export interface ShapeCandidate {
  rule: string;
  text: string;
}

/** The names of the rules that found a credential in their candidate, each once. */
export type ShapeJudge = (candidates: readonly ShapeCandidate[]) => ReadonlySet<string>;

const COLLECTION_PREFIX = '@secretlint/secretlint-rule-';

/** Patterns that the collection lacks, of the same form. */
const OWN_RULES: ReadonlyMap<string, RegExp> = new Map([
  ['stripe', /(?<![A-Za-z])[rs]k_(?:live|test)_[A-Za-z0-9]{24,99}(?![A-Za-z0-9])/],
  ['tailscale', /(?<![A-Za-z])tskey-[a-z]{2,20}-[0-9A-Za-z_]{8,40}-[0-9A-Za-z_]{16,60}(?![0-9A-Za-z_])/],
  ['google-api-key', /(?<![A-Za-z0-9])AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])/],
]);

/** Where a rule wants to look, in bytes that will be gone once they were looked through. */
export interface ShapeRange {
  rule: string;
  bytes: Uint8Array;
  start: number;
  end: number;
}

/** The range around a literal; undefined where a look at its bytes is enough to say no. */
export function rangeAt(bytes: Uint8Array, position: number, anchor: ShapeAnchor): ShapeRange | undefined {
  if (!isCandidate(anchor, bytes, position)) return undefined;
  const start = Math.max(0, position - anchor.before);
  return { rule: anchor.rule, bytes, start, end: Math.min(bytes.length, position + anchor.behind) };
}

export function candidateOf({ rule, bytes, start, end }: ShapeRange): ShapeCandidate {
  // Bytes above ASCII would be read as letters, and a letter in front of a credential hides it from the rules.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
  return { rule, text: text.replace(/[\x80-\xff]/g, ' ') };
}

let loading: Promise<ShapeJudge> | undefined;

/** Loads the collection once. Rejects when a rule is missing that an anchor names. */
export function loadShapeJudge(): Promise<ShapeJudge> {
  loading ??= load();
  return loading;
}

async function load(): Promise<ShapeJudge> {
  const { rules } = await import('@secretlint/secretlint-rule-preset-recommend');
  let isFound = false;
  const context = {
    // The messages quote the secret: they are never made.
    createTranslator: () => () => ({ message: '', messageId: '' }),
    report: () => {
      isFound = true;
    },
    ignore: () => undefined,
  };
  const checks = new Map<string, (text: string) => boolean>();
  for (const [name, pattern] of OWN_RULES) checks.set(name, (text) => pattern.test(text));
  for (const rule of rules) {
    const name = rule.meta.id.replace(COLLECTION_PREFIX, '');
    if (checks.has(name)) continue;
    const created = ruleMaker(rule)(context, {});
    checks.set(name, (text) => {
      isFound = false;
      created.file({ content: text, contentType: 'text', filePath: '', ext: '' });
      return isFound;
    });
  }
  const missing = SHAPE_ANCHORS.find(({ rule }) => !checks.has(rule));
  if (missing !== undefined) throw new Error(`no rule is known for ${missing.rule}`);
  return (candidates) => {
    const found = new Set<string>();
    for (const { rule, text } of candidates) {
      if (!found.has(rule) && checks.get(rule)?.(text) === true) found.add(rule);
    }
    return found;
  };
}

interface RuleContext {
  createTranslator(): () => { message: string; messageId: string };
  report(): void;
  ignore(): void;
}
type RuleSource = { content: string; contentType: 'text'; filePath: string; ext: string };
type RuleMaker = (context: RuleContext, options: object) => { file(source: RuleSource): void };

/** The collection's own types name packages that are not installed with it. */
function ruleMaker(rule: unknown): RuleMaker {
  if (typeof rule !== 'object' || rule === null || !('create' in rule) || typeof rule.create !== 'function') {
    throw new Error('the collection of credential patterns has another form than is known');
  }
  const { create } = rule;
  return (context, options) => {
    const created: unknown = Reflect.apply(create, rule, [context, options]);
    if (typeof created !== 'object' || created === null || !('file' in created))
      throw new Error('a rule cannot be asked');
    const { file } = created;
    if (typeof file !== 'function') throw new Error('a rule cannot be asked');
    return {
      file(source) {
        Reflect.apply(file, created, [source]);
      },
    };
  };
}
