// The change of the policy that each answer to a waiting request stands for, as the text that would be typed. Pure.
import type { HeldRequest } from '../egress/config.ts';
import { formatRule } from '../policy/rules.ts';
import type { Rule } from '../policy/types.ts';
import { idTemplate } from './id-template.ts';
import { queryBound } from './query-bound.ts';

export interface OfferedRules {
  /** Exactly this method, host and path, and queries no longer than this one, rounded up; absent: too long for a rule. */
  exact: string | undefined;
  /** Narrowest first. Each covers this request and more. */
  wider: readonly string[];
  /** Refuses the same; absent: too long for a rule. */
  deny: string | undefined;
}

/** Longer paths make a rule that nobody reads. */
const MAX_PATH_CHARACTERS = 1024;
const DEFAULT_PORTS = { https: 443, http: 80 } as const;

export function offerRules(request: HeldRequest): OfferedRules {
  const { path } = request;
  const directory = path.slice(0, path.lastIndexOf('/') + 1);
  const globs = [templateOf(path), `${directory}*`, directory === '/' ? undefined : `${directory}**`];
  const wider = [...new Set(globs)].filter((glob): glob is string => glob !== undefined && glob !== path);
  return {
    exact: textOf(request, 'allow', path),
    wider: [...wider.map((glob) => textOf(request, 'allow', glob)), textOf(request, 'allow', undefined)].filter(
      (text) => text !== undefined,
    ),
    deny: textOf(request, 'deny', path),
  };
}

function textOf(request: HeldRequest, effect: Rule['effect'], path: string | undefined): string | undefined {
  if (path !== undefined && path.length > MAX_PATH_CHARACTERS) return undefined;
  const { scheme, host, port, method, protocol, query } = request;
  return formatRule({
    id: '',
    effect,
    origin: 'user',
    host,
    methods: [method],
    ...(path !== undefined && { path }),
    ...(scheme === 'http' && { scheme }),
    ...(port !== DEFAULT_PORTS[scheme] && { port }),
    ...(effect === 'allow' && { maxQueryBytes: queryBound(query.length) }),
    ...(effect === 'allow' && protocol === 'websocket' && { websocket: true }),
  });
}

/** The path with every segment that looks like an id left open, or undefined when none does. */
function templateOf(path: string): string | undefined {
  const segments = path.split('/').map((segment) => idTemplate(segment) ?? segment);
  const template = segments.join('/');
  return template === path ? undefined : template;
}
