// Answers DNS queries out of thin air: every valid name has one synthetic address, and nothing is ever asked of anybody.
// Pure; the packet is the cage's, so every length is checked and pointers are not followed at all.
import { isAddressLiteral, normaliseHost } from '../policy/hosts.ts';

const HEADER_BYTES = 12;
const TYPE_A = 1;
const TYPE_OPT = 41;
const CLASS_IN = 1;
/** What fits through every path; no answer from here is nearly as long. */
const UDP_PAYLOAD_BYTES = 1232;
const TTL_SECONDS = 60;
const MAX_NAME_BYTES = 255;

const RCODE = { ok: 0, formatError: 1, nameError: 3, notImplemented: 4, refused: 5 } as const;

/** Types by number, as far as clients are known to ask for them. */
const TYPES: ReadonlyMap<number, string> = new Map([
  [TYPE_A, 'A'],
  [2, 'NS'],
  [5, 'CNAME'],
  [6, 'SOA'],
  [12, 'PTR'],
  [15, 'MX'],
  [16, 'TXT'],
  [28, 'AAAA'],
  [33, 'SRV'],
  [64, 'SVCB'],
  [65, 'HTTPS'],
  [255, 'ANY'],
]);

/** What names are answered out of; both take normalised names. */
export interface NameSource {
  addressOf(name: string): string;
  /** Told of every name that is looked up, whatever is asked about it; must not throw. */
  asked(name: string, type: string): void;
}

/** The answer to one query, or undefined for what deserves none (answers, scraps). */
export function answerQuery(packet: Buffer, names: NameSource): Buffer | undefined {
  if (packet.length < HEADER_BYTES) return undefined;
  const flags = packet.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return undefined;
  if ((flags & 0x7800) !== 0) return respond(packet, undefined, RCODE.notImplemented);
  // Exactly one question, no answers, no authorities; in the additional part EDNS alone.
  if (packet.readUInt16BE(4) !== 1 || packet.readUInt16BE(6) !== 0 || packet.readUInt16BE(8) !== 0) {
    return respond(packet, undefined, RCODE.formatError);
  }
  const question = readQuestion(packet);
  const hasEdns = question === undefined ? undefined : readAdditional(packet, question.end);
  if (question === undefined || hasEdns === undefined) return respond(packet, undefined, RCODE.formatError);
  const answer = (rcode: number, address?: string) => respond(packet, { ...question, hasEdns }, rcode, address);
  if (question.class !== CLASS_IN) return answer(RCODE.refused);
  const name = normaliseHost(question.name);
  if (name === undefined || isAddressLiteral(name)) return answer(RCODE.nameError);
  const isLocal = name === 'localhost' || name.endsWith('.localhost');
  if (!isLocal) names.asked(name, TYPES.get(question.type) ?? `TYPE${question.type}`);
  if (question.type !== TYPE_A) return answer(RCODE.ok);
  return answer(RCODE.ok, isLocal ? '127.0.0.1' : names.addressOf(name));
}

interface Question {
  /** As it came, with the case of its letters: clients compare it. */
  bytes: Buffer;
  /** Where it ends in the packet. */
  end: number;
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
    if (end > packet.length || end + 1 - HEADER_BYTES > MAX_NAME_BYTES) return undefined;
    const label = packet.toString('latin1', at, end);
    // A dot inside a label would make two names of one.
    labels.push(/^[A-Za-z0-9-]+$/.test(label) ? label : '_');
    at = end;
  }
  if (packet.length < at + 4) return undefined;
  return {
    bytes: packet.subarray(HEADER_BYTES, at + 4),
    end: at + 4,
    name: labels.join('.'),
    type: packet.readUInt16BE(at),
    class: packet.readUInt16BE(at + 2),
  };
}

/** Whether the client speaks EDNS; undefined where anything else stands behind the question. */
function readAdditional(packet: Buffer, start: number): boolean | undefined {
  const records = packet.readUInt16BE(10);
  if (records === 0) return packet.length === start ? false : undefined;
  if (records !== 1 || packet.length < start + 11) return undefined;
  // The root name, the type, nine bytes on; the last two are the length of what follows, which is not looked into.
  if (packet[start] !== 0 || packet.readUInt16BE(start + 1) !== TYPE_OPT) return undefined;
  return packet.length === start + 11 + packet.readUInt16BE(start + 9) ? true : undefined;
}

function respond(
  query: Buffer,
  question: { bytes: Buffer; hasEdns: boolean } | undefined,
  rcode: number,
  address?: string,
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  query.copy(header, 0, 0, 2);
  // A response, authoritative, recursion available; "recursion desired" and the operation as they were asked.
  header.writeUInt16BE(0x8480 | (query.readUInt16BE(2) & 0x7900) | rcode, 2);
  header.writeUInt16BE(question === undefined ? 0 : 1, 4);
  header.writeUInt16BE(address === undefined ? 0 : 1, 6);
  header.writeUInt16BE(question?.hasEdns === true ? 1 : 0, 10);
  const parts: Buffer[] = [header];
  if (question !== undefined) parts.push(question.bytes);
  if (address !== undefined) parts.push(addressRecord(address));
  if (question?.hasEdns === true) parts.push(ednsRecord());
  return Buffer.concat(parts);
}

/** EDNS version 0 without options: cookies, client subnets and the like are nothing to answer. */
function ednsRecord(): Buffer {
  const record = Buffer.alloc(11);
  record.writeUInt16BE(TYPE_OPT, 1);
  record.writeUInt16BE(UDP_PAYLOAD_BYTES, 3);
  return record;
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
