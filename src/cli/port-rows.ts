// Published ports as rows: where they answer on this machine, which port of the cage that is, and whether they do now.
import type { PortView } from './library.ts';
import type { Span } from './span.ts';

export function portRows(ports: readonly PortView[], running: boolean): Span[][] {
  return ports.map(({ address, port, cagePort, open }): Span[] => [
    `${address.includes(':') ? `[${address}]` : address}:${port}`,
    `port ${cagePort} of the cage`,
    open ? ['green', 'open'] : running ? ['red', 'ended: ironcage start forwards it again'] : ['dim', 'when it runs'],
  ]);
}
