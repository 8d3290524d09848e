// What the peers of a WebSocket agree on about compression (RFC 7692), read strictly on both sides. Only offers that are
// understood to the last word are passed on, written anew; whatever else was offered, the upstream never hears of it.
import { fieldValues, type Fault, type Field } from './fields.ts';
import { malformed } from './refusal.ts';
import { upstreamFault } from './response-head.ts';

/** What was agreed on, from the side of the messages: each peer's own window. */
export interface Deflate {
  readonly clientNoContextTakeover: boolean;
  readonly serverNoContextTakeover: boolean;
  /** 8 to 15; 15 where nothing was said. */
  readonly clientMaxWindowBits: number;
  readonly serverMaxWindowBits: number;
}

interface Offer {
  readonly clientNoContextTakeover: boolean;
  readonly serverNoContextTakeover: boolean;
  /** `any`: the client takes whatever the server says. Undefined: the server may not say anything. */
  readonly clientMaxWindowBits: number | 'any' | undefined;
  readonly serverMaxWindowBits: number | undefined;
}

interface Extension {
  readonly name: string;
  readonly parameters: readonly (readonly [name: string, value: string | undefined])[];
}

const NAME = 'permessage-deflate';
const HEADER = 'sec-websocket-extensions';
const MAX_EXTENSIONS = 16;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const BLANKS = /[ \t]*/y;

/** The client's offer in the only form that is passed on; undefined where nothing in it is understood. Throws a Refusal (400). */
export function offeredExtensions(fields: readonly Field[]): Field | undefined {
  const offers = readOffers(fields);
  return offers.length === 0 ? undefined : extensionField(offers.map(writeOffer).join(', '));
}

/** What the upstream chose of the client's offer; undefined: no compression. Throws a Refusal (502) for anything else. */
export function acceptedExtensions(response: readonly Field[], request: readonly Field[]): Deflate | undefined {
  const chosen = readExtensions(response, upstreamFault);
  const [only] = chosen;
  if (only === undefined) return undefined;
  const answer = only.name === NAME ? readDeflate(only) : undefined;
  if (chosen.length > 1 || answer === undefined || answer.clientMaxWindowBits === 'any') {
    throw upstreamFault('the upstream chose a WebSocket extension in a form that is not known');
  }
  const { clientMaxWindowBits } = answer;
  if (!readOffers(request).some((offer) => fits({ ...answer, clientMaxWindowBits }, offer))) {
    throw upstreamFault('the upstream chose a WebSocket extension nobody offered');
  }
  return {
    clientNoContextTakeover: answer.clientNoContextTakeover,
    serverNoContextTakeover: answer.serverNoContextTakeover,
    clientMaxWindowBits: clientMaxWindowBits ?? 15,
    serverMaxWindowBits: answer.serverMaxWindowBits ?? 15,
  };
}

/** The field that tells the client what was agreed on. */
export function agreedExtensions(agreed: Deflate): Field {
  const { clientMaxWindowBits: client, serverMaxWindowBits: server } = agreed;
  return extensionField(
    writeOffer({
      ...agreed,
      clientMaxWindowBits: client === 15 ? undefined : client,
      serverMaxWindowBits: server === 15 ? undefined : server,
    }),
  );
}

function readOffers(request: readonly Field[]): Offer[] {
  return readExtensions(request, malformed).flatMap((extension) => {
    const offer = extension.name === NAME ? readDeflate(extension) : undefined;
    return offer === undefined ? [] : [offer];
  });
}

/** RFC 7692, section 7.1: what may stand in an answer to this offer. */
function fits(answer: Offer & { clientMaxWindowBits: number | undefined }, offer: Offer): boolean {
  if (offer.serverNoContextTakeover && !answer.serverNoContextTakeover) return false;
  if (offer.serverMaxWindowBits !== undefined && (answer.serverMaxWindowBits ?? 16) > offer.serverMaxWindowBits) {
    return false;
  }
  if (answer.clientMaxWindowBits === undefined) return true;
  if (offer.clientMaxWindowBits === undefined) return false;
  return offer.clientMaxWindowBits === 'any' || answer.clientMaxWindowBits <= offer.clientMaxWindowBits;
}

/** Undefined for parameters that are unknown, doubled, or have no value that they may have. */
function readDeflate({ parameters }: Extension): Offer | undefined {
  const values = new Map(parameters);
  if (values.size !== parameters.length) return undefined;
  for (const [name, value] of values) if (!isKnown(name, value)) return undefined;
  const client = values.get('client_max_window_bits');
  const server = values.get('server_max_window_bits');
  return {
    clientNoContextTakeover: values.has('client_no_context_takeover'),
    serverNoContextTakeover: values.has('server_no_context_takeover'),
    clientMaxWindowBits: !values.has('client_max_window_bits')
      ? undefined
      : client === undefined
        ? 'any'
        : Number(client),
    serverMaxWindowBits: server === undefined ? undefined : Number(server),
  };
}

function isKnown(name: string, value: string | undefined): boolean {
  switch (name) {
    case 'client_no_context_takeover':
    case 'server_no_context_takeover':
      return value === undefined;
    case 'client_max_window_bits':
      return value === undefined || isWindowBits(value);
    case 'server_max_window_bits':
      return value !== undefined && isWindowBits(value);
    default:
      return false;
  }
}

function isWindowBits(value: string): boolean {
  return /^(?:[89]|1[0-5])$/.test(value);
}

function writeOffer(offer: Offer): string {
  const { clientMaxWindowBits: client, serverMaxWindowBits: server } = offer;
  return [
    NAME,
    ...(offer.serverNoContextTakeover ? ['server_no_context_takeover'] : []),
    ...(offer.clientNoContextTakeover ? ['client_no_context_takeover'] : []),
    ...(server === undefined ? [] : [`server_max_window_bits=${server}`]),
    ...(client === undefined ? [] : [client === 'any' ? 'client_max_window_bits' : `client_max_window_bits=${client}`]),
  ].join('; ');
}

/** RFC 6455, section 9.1: a list over all fields of that name. */
function readExtensions(fields: readonly Field[], fault: Fault): Extension[] {
  // Some clients that offer nothing say so with an empty field.
  const values = fieldValues(fields, HEADER).filter((value) => value !== '');
  const extensions = values.flatMap((value) => readList(value, fault));
  if (extensions.length > MAX_EXTENSIONS) throw fault(`more than ${MAX_EXTENSIONS} WebSocket extensions`);
  return extensions;
}

function readList(text: string, fault: Fault): Extension[] {
  const extensions: Extension[] = [];
  let at = 0;

  function take(pattern: RegExp): string {
    pattern.lastIndex = at;
    const [found = ''] = pattern.exec(text) ?? [];
    at += found.length;
    return found;
  }
  function takeToken(): string {
    take(BLANKS);
    const token = take(TOKEN);
    if (token === '') throw fault('a Sec-WebSocket-Extensions header that is not a list of extensions');
    take(BLANKS);
    return token;
  }
  function takeMark(mark: string): boolean {
    if (text[at] !== mark) return false;
    at += 1;
    return true;
  }
  /** Between quotation marks as well there may be nothing but a token. */
  function takeValue(): string {
    take(BLANKS);
    if (!takeMark('"')) return takeToken();
    const value = take(TOKEN);
    if (value === '' || !takeMark('"')) throw fault('a quoted WebSocket extension parameter that is no token');
    take(BLANKS);
    return value;
  }

  do {
    const name = takeToken().toLowerCase();
    const parameters: [string, string | undefined][] = [];
    while (takeMark(';')) {
      const parameter = takeToken().toLowerCase();
      parameters.push([parameter, takeMark('=') ? takeValue() : undefined]);
    }
    extensions.push({ name, parameters });
  } while (takeMark(','));
  if (at !== text.length) throw fault('a Sec-WebSocket-Extensions header that is not a list of extensions');
  return extensions;
}

function extensionField(value: string): Field {
  return { name: HEADER, spelled: 'Sec-WebSocket-Extensions', value };
}
