// Everything that looks into content, behind the one interface that the exchange calls: heads and bodies for known secrets,
// placeholders, credentials by their shape and odd payloads.
import type { Exchange, InspectorNote } from '../policy/types.ts';
import { createBodyInspection } from './body-inspection.ts';
import type { Inspections } from './inspection.ts';
import { tracesOf } from './inspect-secrets.ts';
import { createScanner } from './inspect-stream.ts';
import type { Settings } from './settings.ts';

export function createInspections(): Inspections {
  return {
    head(exchange, settings) {
      const notes: InspectorNote[] = [];
      try {
        const looked = lookAtHead(exchange, settings, (name, reason) => notes.push({ name, action: 'note', reason }));
        if (looked !== undefined) return looked.then(() => notes);
        return notes.length === 0 ? undefined : Promise.resolve(notes);
      } catch (error) {
        return Promise.reject(error instanceof Error ? error : new Error('a head could not be looked into'));
      }
    },
    body: (subject) => createBodyInspection(subject, tracesOf(subject.settings, 'body')),
  };
}

function lookAtHead(
  exchange: Exchange,
  settings: Settings,
  note: (name: string, reason: string) => void,
): Promise<void> | undefined {
  const scanner = createScanner(tracesOf(settings, 'head'), 'head', note);
  scanner.push(Buffer.from(headText(exchange), 'latin1'));
  return scanner.judge();
}

/** All that the cage chose of the head. */
function headText({ host, path, query, headers }: Exchange): string {
  let text = `${host}\n${path}\n${query}\n`;
  for (const [name, value] of headers) text += `${name}: ${value}\n`;
  return text;
}
