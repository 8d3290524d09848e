// What RFC 6455 says about frames that follow one another, in one direction: fragments of one message at a time, control
// frames between them, nothing behind a close. Bounds how much can be asked without sending anything.
import { isUtf8 } from 'node:buffer';
import { protocolFault, WebSocketFault } from './websocket-fault.ts';
import { OPCODE, type FramePart } from './websocket-frame.ts';

export interface FrameBounds {
  readonly fragmentsPerMessage: number;
  /** Pings and pongs. */
  readonly controlFramesPerSecond: number;
}

export class FrameSequence {
  readonly #bounds: FrameBounds;
  /** Milliseconds of a clock that never goes back. */
  readonly #now: () => number;
  #isInMessage = false;
  #fragments = 0;
  #secondBegan = Number.NEGATIVE_INFINITY;
  #controlFrames = 0;

  constructor(bounds: FrameBounds, now: () => number) {
    this.#bounds = bounds;
    this.#now = now;
  }

  /** For the first part of every frame of a message. Throws a WebSocketFault. */
  data({ opcode, isFinal }: FramePart): void {
    if ((opcode === OPCODE.continuation) !== this.#isInMessage) {
      throw protocolFault(
        this.#isInMessage ? 'a WebSocket message inside another' : 'a WebSocket fragment that continues no message',
      );
    }
    this.#fragments = this.#isInMessage ? this.#fragments + 1 : 1;
    const { fragmentsPerMessage } = this.#bounds;
    if (this.#fragments > fragmentsPerMessage) {
      throw new WebSocketFault(1009, `a WebSocket message of more than ${fragmentsPerMessage} fragments`);
    }
    this.#isInMessage = !isFinal;
  }

  /** For every control frame. Throws a WebSocketFault. */
  control({ opcode, payload }: FramePart): void {
    if (opcode === OPCODE.close) checkClose(payload);
    const now = this.#now();
    if (now - this.#secondBegan >= 1000) {
      this.#secondBegan = now;
      this.#controlFrames = 0;
    }
    this.#controlFrames += 1;
    const { controlFramesPerSecond } = this.#bounds;
    if (this.#controlFrames > controlFramesPerSecond) {
      throw new WebSocketFault(1008, `more than ${controlFramesPerSecond} WebSocket control frames in a second`);
    }
  }
}

function checkClose(payload: Buffer): void {
  if (payload.length === 0) return;
  if (payload.length === 1) throw protocolFault('a WebSocket close with half a code');
  if (!mayBeSent(payload.readUInt16BE(0))) throw protocolFault('a WebSocket close code that may not be sent');
  if (!isUtf8(payload.subarray(2))) throw new WebSocketFault(1007, 'a WebSocket close reason that is not UTF-8');
}

/** RFC 6455, section 7.4, and the codes that IANA has registered since. */
function mayBeSent(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}
