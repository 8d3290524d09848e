// The fingerprint of one generation of settings: host and egress compute it alike, so that "applied" can be checked. It
// speaks of names, never of secret values.
import { createHash } from 'node:crypto';
import type { EgressGeneration } from './config.ts';

/** SHA-256, hex, over JSON with sorted keys of everything but the secret values. */
export function generationHash(generation: EgressGeneration): string {
  const { policy, bindings, routes } = generation;
  const open = { generation: generation.generation, policy, bindings, routes };
  return createHash('sha256').update(stableJson(open)).digest('hex');
}

function stableJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((member) => stableJson(member)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${stableJson(member)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
