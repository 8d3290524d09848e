// Both outputs of a run as one: taken out of the cage's reach, and of the agent's own stream each piece is handed on.
import type { Clock } from '../platform/clock.ts';
import type { BusRun } from './bus-run.ts';
import { copyOutput, type OutputCopy } from './output-copy.ts';
import type { RunReason } from './run-record.ts';
import { OUTPUT_NAMES, type RunPlaces } from './run-store.ts';

/** Of what an agent writes; beyond, the run ends. */
const MAX_STREAM_BYTES = 2 ** 30;

export interface RunOutput {
  /** What an earlier recorder has taken over. */
  again(): void;
  /** Takes over what is there now, up to a bound; how many bytes. */
  turn(): number;
  /** Takes over what is there now, and nothing that comes meanwhile. */
  rest(): void;
  outOfBounds(): RunReason | undefined;
  /** Somebody cut it from inside. */
  wasCut(): boolean;
  close(): void;
}

/** `take` gets each piece of the agent's stream after it is on file. */
export function openRunOutput(bus: BusRun, places: RunPlaces, clock: Clock, take: (piece: Buffer) => void): RunOutput {
  const copies = OUTPUT_NAMES.map((name) => {
    const open = (): number | undefined => bus.open(`${name}.log`);
    const copy = copyOutput({ open, target: places.output[name], clock, maxBytes: MAX_STREAM_BYTES });
    return { copy, take: name === 'stream' ? take : () => undefined, isRead: name === 'stream' };
  });
  const sum = (of: (copy: OutputCopy) => number): number => copies.reduce((total, { copy }) => total + of(copy), 0);
  const turn = (): number => copies.reduce((total, each) => total + each.copy.turn(each.take), 0);
  return {
    again() {
      for (const { copy, isRead } of copies) if (isRead && copy.size() > 0) copy.again(take);
    },
    turn,
    rest() {
      let left = sum((copy) => copy.left());
      for (let taken = 1; taken > 0 && left > 0; left -= taken) taken = turn();
    },
    outOfBounds() {
      if (copies.every(({ copy }) => copy.size() < MAX_STREAM_BYTES)) return undefined;
      return { code: 'stream-too-long', message: `its agent has written more than ${MAX_STREAM_BYTES} bytes` };
    },
    wasCut: () => copies.some(({ copy }) => copy.wasCut()),
    close() {
      for (const { copy } of copies) copy.close();
    },
  };
}
