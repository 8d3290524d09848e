// The keys of a query as a lenient server reads them: decoded, in lower case, split at `&` and at `;`, `+` a
// blank. For looking for what must not be there, never for passing anything on.

/** One `key=value` of a query, decoded; the key in lower case. */
export interface QueryPair {
  key: string;
  value: string;
}

export function queryPairs(query: string): QueryPair[] {
  return query
    .split(/[&;]/)
    .filter((pair) => pair !== '')
    .map((pair) => {
      const cut = pair.indexOf('=');
      const key = decode(cut < 0 ? pair : pair.slice(0, cut)).trim();
      return { key: key.toLowerCase(), value: cut < 0 ? '' : decode(pair.slice(cut + 1)) };
    });
}

export function queryKeys(query: string): string[] {
  return query === '' ? [] : queryPairs(query).map(({ key }) => key);
}

/** Byte by byte: what is no UTF-8 is no reason to see nothing. */
function decode(text: string): string {
  return text
    .replaceAll('+', ' ')
    .replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
