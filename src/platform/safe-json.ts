// JSON that can be shown in a terminal: JSON.stringify escapes the C0 controls and lone surrogates, this escapes the
// rest of what could steer a terminal or turn text around. The value a parser reads is the same.

/** DEL and C1 controls, bidirectional and other format characters, line separators: only strings can hold them. */
const UNSAFE = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

export function safeJson(value: unknown, indent?: number): string {
  const text: string | undefined = JSON.stringify(value, undefined, indent);
  return (text ?? 'null').replace(UNSAFE, escapeUnits);
}

function escapeUnits(character: string): string {
  let escaped = '';
  for (let index = 0; index < character.length; index += 1) {
    escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}
