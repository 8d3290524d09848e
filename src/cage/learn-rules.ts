// The smallest method and path rules that let recorded requests pass again: exact hosts, methods and paths, a segment left
// open only where several siblings differ in an id. Pure: requests in, rules out, in a fixed order.
import { idTemplate } from './id-template.ts';
import { queryBound } from './query-bound.ts';

export interface SeenRequest {
  protocol: 'http' | 'websocket';
  scheme: 'https' | 'http';
  method: string;
  host: string;
  port: number;
  /** Canonical, without the query. */
  path: string;
  queryBytes: number;
}

export interface LearnedPath<S extends SeenRequest = SeenRequest> {
  scheme: 'https' | 'http';
  host: string;
  port: number;
  methods: readonly string[];
  /** A glob. */
  path: string;
  websocket: boolean;
  maxQueryBytes: number;
  /** What it stands for. */
  samples: readonly S[];
}

export interface LearnOptions {
  /** Also `**`: what of one method and host lies in one directory becomes one rule where it would be several. */
  wide: boolean;
}

/** Fewer siblings are listed one by one. */
const LEAST_SIBLINGS = 3;

interface Draft<S> {
  /** Canonical path, cut into its segments; `open[n]` tells that segment n is a glob already. */
  segments: readonly string[];
  open: readonly boolean[];
  samples: readonly S[];
}

export function learnRules<S extends SeenRequest>(seen: Iterable<S>, { wide }: LearnOptions): LearnedPath<S>[] {
  const places = new Map<string, { place: S; drafts: Map<string, Draft<S>> }>();
  for (const request of seen) {
    const { protocol, scheme, host, port, method, path } = request;
    const { drafts } = entry(places, JSON.stringify([protocol, scheme, host, port, method]), () => ({
      place: request,
      drafts: new Map(),
    }));
    const segments = path.slice(1).split('/');
    add(drafts, { segments, open: segments.map(() => false), samples: [request] });
  }
  const learned = [...places.values()].flatMap(({ place, drafts }) => {
    generalise(drafts);
    if (wide) widen(drafts);
    return [...drafts.values()].map((draft) => toRule(place, draft));
  });
  return mergeMethods(learned).sort(byPlace);
}

/** Leaves open one segment at a time, from the last to the first, until nothing more is to be had. */
function generalise<S>(drafts: Map<string, Draft<S>>): void {
  for (let before = -1; before !== drafts.size;) {
    before = drafts.size;
    const longest = Math.max(0, ...[...drafts.values()].map(({ segments }) => segments.length));
    for (let index = longest - 1; index >= 0; index--) openSegment(drafts, index);
  }
}

function openSegment<S>(drafts: Map<string, Draft<S>>, index: number): void {
  const groups = new Map<string, { template: string; members: [key: string, draft: Draft<S>][] }>();
  for (const [key, draft] of drafts) {
    const segment = draft.segments[index];
    if (segment === undefined) continue;
    const template = draft.open[index] === true ? segment : idTemplate(segment);
    if (template === undefined) continue;
    const shape = draft.segments.with(index, template);
    const { members } = entry(groups, keyOf(shape, draft.open.with(index, true)), () => ({ template, members: [] }));
    members.push([key, draft]);
  }
  for (const { template, members } of groups.values()) {
    const isOpen = members.some(([, draft]) => draft.open[index] === true);
    if (members.length < (isOpen ? 2 : LEAST_SIBLINGS)) continue;
    for (const [key] of members) drafts.delete(key);
    for (const [, { segments, open, samples }] of members) {
      add(drafts, { segments: segments.with(index, template), open: open.with(index, true), samples });
    }
  }
}

/** One `/first/**` for every first segment with several rules below it. */
function widen<S>(drafts: Map<string, Draft<S>>): void {
  const groups = new Map<string, [key: string, draft: Draft<S>][]>();
  for (const [key, draft] of drafts) {
    if (draft.segments.length < 2) continue;
    entry(groups, draft.segments[0] ?? '', () => []).push([key, draft]);
  }
  for (const [first, members] of groups) {
    if (members.length < LEAST_SIBLINGS) continue;
    for (const [key] of members) drafts.delete(key);
    for (const [, { open, samples }] of members) {
      add(drafts, { segments: [first, '**'], open: [open[0] === true, true], samples });
    }
  }
}

function add<S>(drafts: Map<string, Draft<S>>, draft: Draft<S>): void {
  const key = keyOf(draft.segments, draft.open);
  drafts.set(key, { ...draft, samples: [...(drafts.get(key)?.samples ?? []), ...draft.samples] });
}

function keyOf(segments: readonly string[], open: readonly boolean[]): string {
  return JSON.stringify([segments, open]);
}

function toRule<S extends SeenRequest>({ protocol, scheme, host, port, method }: S, draft: Draft<S>): LearnedPath<S> {
  return {
    ...{ scheme, host, port, methods: [method], websocket: protocol === 'websocket' },
    path: `/${draft.segments.join('/')}`,
    maxQueryBytes: queryBound(Math.max(...draft.samples.map(({ queryBytes }) => queryBytes))),
    samples: draft.samples,
  };
}

/** Rules that differ in nothing but the method become one. */
function mergeMethods<S extends SeenRequest>(rules: readonly LearnedPath<S>[]): LearnedPath<S>[] {
  const merged = new Map<string, LearnedPath<S>>();
  for (const rule of rules) {
    const { scheme, host, port, path, websocket, maxQueryBytes } = rule;
    const key = JSON.stringify([scheme, host, port, path, websocket, maxQueryBytes]);
    const before = merged.get(key);
    merged.set(key, {
      ...rule,
      methods: [...new Set([...(before?.methods ?? []), ...rule.methods])].sort(),
      samples: [...(before?.samples ?? []), ...rule.samples],
    });
  }
  return [...merged.values()];
}

function byPlace(left: LearnedPath, right: LearnedPath): number {
  const [one, other] = [left, right].map(
    ({ host, port, path, methods }) => `${host} ${port} ${path} ${methods.join()}`,
  );
  return (one ?? '') < (other ?? '') ? -1 : 1;
}

function entry<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const created = create();
  map.set(key, created);
  return created;
}
