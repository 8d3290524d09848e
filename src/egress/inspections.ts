// Everything that looks into content, behind the one interface that the exchange calls: heads and bodies for known secrets,
// placeholders, credentials by their shape and odd payloads, and then by the inspectors that the user wrote.
import type { Exchange, InspectorNote } from '../policy/types.ts';
import { createBodyInspection } from './body-inspection.ts';
import type { BodyInspection, Inspections } from './inspection.ts';
import { tracesOf } from './inspect-secrets.ts';
import { createScanner } from './inspect-stream.ts';
import type { InspectedRequest } from './inspector-lines.ts';
import type { Settings } from './settings.ts';
import type { UserInspectors } from './user-inspectors.ts';

/** Of one body; a module that notes each piece must not fill the record. */
const MAX_USER_NOTES = 32;

export function createInspections(users: UserInspectors): Inspections {
  /** What a user's inspector sees of a request, for its head and its body alike. */
  const inspected = new WeakMap<Exchange, InspectedRequest>();
  let requests = 0;
  const inspectedOf = (exchange: Exchange): InspectedRequest => {
    const known = inspected.get(exchange);
    if (known !== undefined) return known;
    requests += 1;
    const request = { ...exchange, id: requests };
    inspected.set(exchange, request);
    return request;
  };

  return {
    head(exchange, settings) {
      const notes: InspectorNote[] = [];
      try {
        const looked = lookAtHead(exchange, settings, (name, reason) => notes.push({ name, action: 'note', reason }));
        if (users.count > 0) return headByUsers(users, inspectedOf(exchange), looked, notes);
        if (looked !== undefined) return looked.then(() => notes);
        return notes.length === 0 ? undefined : Promise.resolve(notes);
      } catch (error) {
        return Promise.reject(error instanceof Error ? error : new Error('a head could not be looked into'));
      }
    },
    body(subject) {
      const own = createBodyInspection(subject, tracesOf(subject.settings, 'body'));
      if (!users.wantsBodies()) return own;
      return inspectByUsers(own, users, inspectedOf(subject.exchange), subject.kind);
    },
  };
}

async function headByUsers(
  users: UserInspectors,
  request: InspectedRequest,
  looked: Promise<void> | undefined,
  notes: readonly InspectorNote[],
): Promise<readonly InspectorNote[]> {
  await looked;
  return [...notes, ...(await users.request(request))];
}

/** What the egress itself refuses is not shown to anybody. */
function inspectByUsers(
  own: BodyInspection,
  users: UserInspectors,
  request: InspectedRequest,
  kind: 'body' | 'message',
): BodyInspection {
  const found = new Map<string, InspectorNote>();
  const ask = async (bytes: Buffer, isLast: boolean): Promise<void> => {
    for (const note of await users.body(request, kind, bytes, isLast)) {
      if (found.size < MAX_USER_NOTES) found.set(`${note.name} ${note.reason}`, note);
    }
  };
  return {
    async push(pieces) {
      await own.push(pieces);
      for (const piece of pieces) await ask(piece, false);
    },
    async finish() {
      await own.finish();
      await ask(Buffer.alloc(0), true);
    },
    notes: () => [...own.notes(), ...found.values()],
  };
}

function lookAtHead(
  exchange: Exchange,
  settings: Settings,
  note: (name: string, reason: string) => void,
): Promise<void> | undefined {
  const scanned = { part: 'head', takesPlaceholders: false } as const;
  const hostTraces = tracesOf(settings, 'host');
  if (hostTraces.hasKnown) createScanner(hostTraces, scanned, note).push(Buffer.from(exchange.host, 'latin1'));
  const scanner = createScanner(tracesOf(settings, 'head'), scanned, note);
  scanner.push(Buffer.from(headText(exchange), 'latin1'));
  return scanner.judge();
}

/** All that the cage chose of the head. */
function headText({ host, path, query, headers }: Exchange): string {
  let text = `${host}\n${path}\n${query}\n`;
  for (const [name, value] of headers) text += `${name}: ${value}\n`;
  return text;
}
