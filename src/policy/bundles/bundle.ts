// What a bundle is, and the shapes that its rules are made of. A bundle is a grammar: the verbs and paths of a service's real
// clients and no others, so that an allowed host is no way out for data. What is not listed is refused by absence.
import type { Rule } from '../types.ts';

export interface Bundle {
  /** What it allows, for people, on one line. */
  description: string;
  rules: readonly Rule[];
}

export const READ = ['GET', 'HEAD'] as const;
/** Package clients send no queries worth mentioning; a long one is data on its way out. */
export const SHORT_QUERY_BYTES = 64;

type Shape = Pick<Rule, 'host' | 'methods' | 'path' | 'scheme' | 'maxQueryBytes' | 'websocket' | 'pushRefs'>;

export function allow(id: string, shape: Shape): Rule {
  return { id, effect: 'allow', origin: 'bundle', ...shape };
}

export function allowRead(id: string, host: string, path: string, maxQueryBytes = SHORT_QUERY_BYTES): Rule {
  return allow(id, { host, methods: READ, path, maxQueryBytes });
}
