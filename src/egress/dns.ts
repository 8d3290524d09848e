// Answers DNS queries out of thin air: every valid name has one synthetic address, and nothing is ever asked of anybody.
// Pure; the packet is the cage's, so every length is checked and pointers are not followed at all.
import { isAddressLiteral, normaliseHost } from '../policy/hosts.ts';

const HEADER_BYTES = 12;
const TYPE_A = 1;
const CLASS_IN = 1;
const TTL_SECONDS = 60;
const MAX_NAME_BYTES = 255;

const RCODE = { ok: 0, formatError: 1, nameError: 3, notImplemented: 4 } as const;

/** The answer to one query, or undefined for what deserves none (answers, scraps). `addressOf` takes a normalised name. */
export function answerQuery(packet: Buffer, addressOf: (name: string) => string): Buffer | undefined {
  if (packet.length < HEADER_BYTES) return undefined;
  const flags = packet.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return undefined;
  if ((flags & 0x7800) !== 0) return respond(packet, undefined, RCODE.notImplemented);
  // Exactly one question, no answers, no authorities; what stands in the additional part (EDNS) is left unread.
  if (packet.readUInt16BE(4) !== 1 || packet.readUInt16BE(6) !== 0 || packet.readUInt16BE(8) !== 0) {
    return respond(packet, undefined, RCODE.formatError);
  }
  const question = readQuestion(packet);
  if (question === undefined) return respond(packet, undefined, RCODE.formatError);
  const name = normaliseHost(question.name);
  if (name === undefined || isAddressLiteral(name)) return respond(packet, question.bytes, RCODE.nameError);
  if (question.class !== CLASS_IN || question.type !== TYPE_A) return respond(packet, question.bytes, RCODE.ok);
  const isLocal = name === 'localhost' || name.endsWith('.localhost');
  return respond(packet, question.bytes, RCODE.ok, isLocal ? '127.0.0.1' : addressOf(name));
}

interface Question {
  bytes: Buffer;
  name: string;
  type: number;
  class: number;
}

function readQuestion(packet: Buffer): Question | undefined {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (;;) {
    const length = packet[at];
    // 0xc0 marks a compression pointer: a first question has nothing that it could point to.
    if (length === undefined || length > 63) return undefined;
    at += 1;
    if (length === 0) break;
    const end = at + length;
    if (end > packet.length || end - HEADER_BYTES > MAX_NAME_BYTES) return undefined;
    const label = packet.toString('latin1', at, end);
    // A dot inside a label would make two names of one.
    labels.push(/^[A-Za-z0-9-]+$/.test(label) ? label : '_');
    at = end;
  }
  if (packet.length < at + 4) return undefined;
  return {
    bytes: packet.subarray(HEADER_BYTES, at + 4),
    name: labels.join('.'),
    type: packet.readUInt16BE(at),
    class: packet.readUInt16BE(at + 2),
  };
}

function respond(query: Buffer, question: Buffer | undefined, rcode: number, address?: string): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  query.copy(header, 0, 0, 2);
  // A response, authoritative, recursion available; "recursion desired" and the operation as they were asked.
  header.writeUInt16BE(0x8480 | (query.readUInt16BE(2) & 0x7900) | rcode, 2);
  header.writeUInt16BE(question === undefined ? 0 : 1, 4);
  header.writeUInt16BE(address === undefined ? 0 : 1, 6);
  const parts: Buffer[] = [header];
  if (question !== undefined) parts.push(question);
  if (address !== undefined) parts.push(addressRecord(address));
  return Buffer.concat(parts);
}

function addressRecord(address: string): Buffer {
  const record = Buffer.alloc(16);
  record.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
  record.writeUInt16BE(TYPE_A, 2);
  record.writeUInt16BE(CLASS_IN, 4);
  record.writeUInt32BE(TTL_SECONDS, 6);
  record.writeUInt16BE(4, 10);
  for (const [index, part] of address.split('.').entries()) record[12 + index] = Number(part);
  return record;
}
