// One generation of settings, made ready for use. Immutable: a request keeps the one it was judged by to its end.
import type { EgressGeneration, EgressRoute } from './config.ts';
import { generationHash } from './generation.ts';
import { createRedactor, type Redactor } from './redact.ts';

export interface Settings extends EgressGeneration {
  readonly hash: string;
  routeFor(host: string): EgressRoute | undefined;
  /** Made at the first use: most generations never see a secret injected. */
  redactor(): Redactor;
}

export function createSettings(generation: EgressGeneration): Settings {
  const routes = new Map(generation.routes.map((route) => [route.host, route]));
  let redactor: Redactor | undefined;
  return {
    ...generation,
    hash: generationHash(generation),
    routeFor: (host) => routes.get(host),
    redactor() {
      redactor ??= createRedactor(generation.bindings, generation.secretValues);
      return redactor;
    },
  };
}
