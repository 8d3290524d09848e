// Programs that speak to people: every line is text. They say neither that they began nor what they used.
import type { StreamReader } from './events.ts';

export function createTextReader(): StreamReader {
  return { read: (line) => [{ type: 'text', text: line.endsWith('\r') ? line.slice(0, -1) : line }] };
}
