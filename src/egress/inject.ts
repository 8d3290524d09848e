// Swaps a placeholder for the value of its secret, only in the bound slot and only towards the bound host. This file and
// redact.ts are the only ones that touch values; what goes out of here goes to the dialled host and nowhere else.
import { readSlot } from '../policy/slots.ts';
import type { SecretBinding, SecretSlot } from '../secrets/types.ts';
import type { Field } from './fields.ts';
import { Refusal } from './refusal.ts';

export interface Injection {
  fields: readonly Field[];
  /** Names of the secrets that were put in, each once. */
  names: readonly string[];
}

/** `fields` for `host`, with values in place. Throws a Refusal when a placeholder has no value. */
export function injectSecrets(
  fields: readonly Field[],
  host: string,
  bindings: readonly SecretBinding[],
  secretValues: Readonly<Record<string, string>>,
): Injection {
  const bound = bindings.filter((binding) => binding.hosts.includes(host));
  if (bound.length === 0) return { fields, names: [] };
  const names = new Set<string>();
  const injected = fields.map((field) => {
    for (const binding of bound) {
      for (const slot of binding.slots) {
        const content = readSlot(slot, [field.name, field.value]);
        if (content?.credential !== binding.placeholder) continue;
        names.add(binding.name);
        return { ...field, value: writeSlot(slot, content.rest, valueOf(binding.name, secretValues)) };
      }
    }
    return field;
  });
  return { fields: injected, names: [...names] };
}

function valueOf(name: string, secretValues: Readonly<Record<string, string>>): string {
  const value = Object.hasOwn(secretValues, name) ? secretValues[name] : undefined;
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  if (value === undefined || value === '' || /[\0-\x1f\x7f]/.test(value)) {
    throw new Refusal({
      status: 403,
      rule: '<secret>',
      reason: `the secret ${name} has no value that could be sent`,
      remedy: `ironcage secret set ${name}`,
    });
  }
  // Heads are written byte by byte: what is not ASCII goes out as the UTF-8 that it was stored as.
  return Buffer.from(value, 'utf8').toString('latin1');
}

function writeSlot(slot: SecretSlot, rest: string, value: string): string {
  switch (slot.kind) {
    case 'header':
      return value;
    case 'bearer':
      return `${rest} ${value}`;
    case 'basic-password':
      return `Basic ${Buffer.from(`${rest}:${value}`, 'latin1').toString('base64')}`;
    default:
      slot satisfies never;
      throw new Refusal({ status: 403, rule: '<secret>', reason: 'a secret has an unknown slot' });
  }
}
