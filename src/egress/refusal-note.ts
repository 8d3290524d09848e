// A refusal as the record names it beside the inspectors that were heard: every denied record says who denied it, and why.
import type { InspectorNote } from '../policy/types.ts';
import type { Refusal } from './refusal.ts';

/** The egress itself refused it, or an inspector of the user's own, which is named like its other notes. */
export function refusalNote({ rule, message }: Refusal): InspectorNote {
  const name = rule.startsWith('<inspector:') && rule.endsWith('>') ? rule.slice(1, -1) : 'egress';
  return { name, action: 'deny', reason: message };
}

/** What was heard, and the refusal behind it unless one of those who were heard said it already. */
export function withRefusal(heard: readonly InspectorNote[], refusal: Refusal): readonly InspectorNote[] {
  return heard.some(({ action }) => action === 'deny') ? heard : [...heard, refusalNote(refusal)];
}
