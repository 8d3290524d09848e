// What the user would type to let a refused request pass. The request is hostile text on its way to someone's shell:
// everything is quoted, and the rule it proposes never allows more than this request's method, host and path.
import { addressBlock } from './addresses.ts';
import { isAddressLiteral } from './hosts.ts';
import { DEFAULT_PORTS } from './matching.ts';
import type { Exchange, Rule } from './types.ts';

/** Longer paths make a line nobody reads before it is pasted. */
const MAX_REMEDY_PATH_CHARACTERS = 200;

export function remedyFor(exchange: Exchange): string {
  if (exchange.path.length > MAX_REMEDY_PATH_CHARACTERS) return '';
  const { host } = exchange;
  const isPrivate = isAddressLiteral(host) && addressBlock(host) !== undefined;
  const scheme = exchange.scheme === 'http' ? 'http://' : '';
  const port = exchange.port === DEFAULT_PORTS[exchange.scheme] ? '' : `:${exchange.port}`;
  const words = [
    exchange.method,
    `${scheme}${host.includes(':') ? `[${host}]` : host}${port}${exchange.path}`,
    ...(isPrivate ? ['private'] : []),
    ...(exchange.protocol === 'websocket' ? ['websocket'] : []),
  ];
  return `ironcage policy allow ${shellQuote(words.join(' '))}`;
}

export function removalOf(rule: Rule): string {
  return `ironcage policy rm ${shellQuote(rule.id)}`;
}

/** One word for a POSIX shell. */
function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
