// Bytes on a WebSocket that are not exactly what RFC 6455 and RFC 7692 ask for, with the close code that says so to both
// peers. Thrown by whoever reads them, caught by the relay. The text is shown to both peers: nothing of the bytes in it.

/** Protocol error, text that is not UTF-8, a word of the policy, and more than there is room for (RFC 6455, section 7.4.1). */
export type FaultCode = 1002 | 1007 | 1008 | 1009;

export class WebSocketFault extends Error {
  readonly code: FaultCode;

  constructor(code: FaultCode, reason: string) {
    super(reason);
    this.name = 'WebSocketFault';
    this.code = code;
  }
}

export function protocolFault(reason: string): WebSocketFault {
  return new WebSocketFault(1002, reason);
}
