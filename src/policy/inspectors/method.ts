// Methods that have no place behind a proxy, and headers that make a server act on another method than the one judged.
import type { Inspector } from '../inspector.ts';

/** Methods that rules can speak about; all others are refused. */
export const KNOWN_METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

const OVERRIDE_HEADERS: readonly string[] = ['x-http-method-override', 'x-http-method', 'x-method-override'];

export const method: Inspector = {
  name: 'method',
  inspect(exchange) {
    if (!KNOWN_METHODS.includes(exchange.method)) {
      const reason = `only the methods ${KNOWN_METHODS.join(', ')} pass`;
      return { action: 'deny', rule: '<method>', reason, remedy: '' };
    }
    const override = exchange.headers.find(([name]) => OVERRIDE_HEADERS.includes(name.toLowerCase()));
    if (override !== undefined) {
      const reason = 'a header asks the server to act on another method than the one of the request';
      return { action: 'deny', rule: '<method>', reason, remedy: '' };
    }
    if (exchange.protocol === 'websocket' && exchange.method !== 'GET') {
      return { action: 'deny', rule: '<method>', reason: 'a WebSocket handshake must be a GET', remedy: '' };
    }
    return undefined;
  },
};
