// What the program that opens a cage's listeners tells over IPC. It runs beside the cage, so each message is checked.
import { Socket as UdpSocket } from 'node:dgram';
import { Server } from 'node:net';
import type { Listener, ListenerRequest } from '../backend.ts';

export type StageMessage =
  | { type: 'up'; holderPid: number }
  /** Comes with the handle. */
  | ({ type: 'listener' } & ListenerRequest)
  | { type: 'opened' };

export function isListener(handle: unknown): handle is Listener {
  return handle instanceof Server || handle instanceof UdpSocket;
}

const PURPOSES = ['tcp', 'proxy', 'dns-udp', 'dns-tcp'] as const;

/** Undefined for whatever is not exactly a message. */
export function parseStageMessage(value: unknown): StageMessage | undefined {
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined;
  if (value.type === 'opened') return { type: 'opened' };
  if (value.type === 'up') {
    return 'holderPid' in value && typeof value.holderPid === 'number'
      ? { type: 'up', holderPid: value.holderPid }
      : undefined;
  }
  if (value.type !== 'listener' || !('purpose' in value) || !('port' in value)) return undefined;
  const purpose = PURPOSES.find((known) => known === value.purpose);
  if (purpose === undefined || typeof value.port !== 'number') return undefined;
  return { type: 'listener', purpose, port: value.port };
}
