// Text that others may have written or cut short, as JSON.

/** Undefined for what is no JSON: whoever asked looks at the form of what is there anyhow. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The fields of an object; of whatever is none, no field. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
