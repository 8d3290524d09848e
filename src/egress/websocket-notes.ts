// What inspections flagged in the messages of one WebSocket, each once and bounded: a socket may live for days.
import type { InspectorNote } from '../policy/types.ts';

const MAX_NOTES = 64;

export interface NoteBook {
  readonly add: (notes: readonly InspectorNote[]) => void;
  notes(): readonly InspectorNote[];
}

export function createNoteBook(): NoteBook {
  const kept = new Map<string, InspectorNote>();
  return {
    add(notes) {
      for (const note of notes) {
        const key = `${note.name}\n${note.action}\n${note.reason}`;
        if (kept.size < MAX_NOTES && !kept.has(key)) kept.set(key, note);
      }
    },
    notes: () => [...kept.values()],
  };
}
