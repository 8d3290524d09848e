// Which records speak of traffic that somebody asked for. Names that were looked up and events of the egress stand in the
// same log; nobody is allowed or refused a request by them, so counts, learning and the like leave them out.
import type { AuditRecord } from './record.ts';

export function isRequest({ protocol }: Pick<AuditRecord, 'protocol'>): boolean {
  switch (protocol) {
    case 'http':
    case 'websocket':
    case 'tcp':
      return true;
    case 'dns':
    case 'control':
      return false;
    default:
      protocol satisfies never;
      throw new Error('a record of an unknown protocol');
  }
}
