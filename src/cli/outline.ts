// Plain data of any shape as indented lines for people: for plans and other values whose fields the library owns.

export function outline(value: unknown, indent = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => outlineItem(item, indent));
  if (typeof value !== 'object' || value === null) return [`${indent}${scalar(value)}`];
  return Object.entries(value).flatMap(([key, field]: [string, unknown]) => {
    if (field === undefined || isEmpty(field)) return [];
    if (typeof field !== 'object' || field === null) return [`${indent}${key}: ${scalar(field)}`];
    return [`${indent}${key}:`, ...outline(field, `${indent}  `)];
  });
}

function outlineItem(item: unknown, indent: string): string[] {
  const [first = '', ...rest] = outline(item, `${indent}  `);
  return [`${indent}- ${first.trimStart()}`, ...rest];
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function scalar(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '-';
}
