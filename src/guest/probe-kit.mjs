// What all probes are made of: sockets by hand, answers brought to one line of text, and the judgement of a probe beside
// its control. Runs inside a cage, where anything may be wrong: whatever is not exactly what is expected is a failure.
import { execFileSync } from 'node:child_process';
import net from 'node:net';
import tls from 'node:tls';

/** TEST-NET-1 (RFC 5737): nobody's address, which no rule lists, so that every policy refuses it with a reason. */
export const NOBODY = '192.0.2.77';
/** Marks the requests of a verification in the record. */
export const MARK = '/.ironcage-verify/';
/** A name that nobody can have (RFC 6761). */
export const nameFor = (label) => `${label}.verify.ironcage.invalid`;
/** How a request to NOBODY ends that only its destination speaks against. */
export const REFUSED_WITH_REASON = /^403 <address>/;

const PROXY = { host: '127.0.0.1', port: 3128 };
const DEADLINE_MS = 5000;
/** Silence after an answer that shows that no other follows. */
const SILENCE_MS = 120;
const CONCURRENT = 6;

/** Opens one of the ways out of a cage: `plain`, `tls`, `proxy`, `tunnel` (TLS through CONNECT), or an address and a port. */
export async function dial(way, { to = NOBODY, servername, alpn = ['http/1.1'], port } = {}) {
  switch (way) {
    case 'plain':
      return connected(net.connect({ host: to, port: port ?? 80 }), 'connect');
    case 'tls':
      return overTls(net.connect({ host: to, port: port ?? 443 }), servername, alpn);
    case 'proxy':
      return connected(net.connect(PROXY), 'connect');
    case 'tunnel': {
      const socket = await connected(net.connect(PROXY), 'connect');
      const target = `${to.includes(':') ? `[${to}]` : to}:${port ?? 443}`;
      socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
      const answer = await new Promise((resolve, reject) => {
        socket.once('data', (bytes) => resolve(bytes.toString('latin1')));
        socket.once('close', () => reject(new Error('closed before CONNECT was answered')));
      });
      if (!answer.startsWith('HTTP/1.1 200 ')) throw new Error(summary(answer));
      return overTls(socket, servername, alpn);
    }
    default:
      throw new Error(`no such way: ${way}`);
  }
}

function overTls(socket, servername, ALPNProtocols) {
  return connected(tls.connect({ socket, servername, ALPNProtocols, rejectUnauthorized: false }), 'secureConnect');
}

function connected(socket, event) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => (socket.destroy(), reject(new Error('timeout'))), DEADLINE_MS);
    socket.once(event, () => (clearTimeout(timer), resolve(socket)));
    socket.once('error', (error) => (clearTimeout(timer), reject(error)));
    socket.once('close', () => (clearTimeout(timer), reject(new Error('closed'))));
  });
}

/** Sends bytes and gives back all that comes until the other side closes, or is silent after a whole answer. */
export function converse(socket, bytes, isWhole = (text) => answersOf(text).length > 0) {
  return new Promise((resolve) => {
    let text = '';
    let silence;
    const end = (how) => {
      clearTimeout(silence);
      clearTimeout(deadline);
      socket.destroy();
      resolve({ text, how });
    };
    const deadline = setTimeout(() => end('timeout'), DEADLINE_MS);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      clearTimeout(silence);
      if (isWhole(text)) silence = setTimeout(() => end('open'), SILENCE_MS);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => end('closed'));
    socket.write(Buffer.from(bytes, 'latin1'));
  });
}

/** The text of a request; every part can be made wrong. */
export function request(parts = {}) {
  const {
    method = 'GET',
    target = `${MARK}probe`,
    version = 'HTTP/1.1',
    host = NOBODY,
    fields = [],
    body = '',
  } = parts;
  const hosts = host === undefined || host === null ? [] : [`Host: ${host}`];
  return `${[`${method} ${target} ${version}`, ...hosts, ...fields].join('\r\n')}\r\n\r\n${body}`;
}

/** One exchange on a fresh connection, as `403 <address>`, `400 <malformed> + 403 <address>`, `closed`, `timeout`. */
export async function send(way, text, options = {}) {
  let socket;
  try {
    socket = await dial(way, options);
  } catch (error) {
    return `refused before a word: ${error.code ?? error.message}`;
  }
  const { text: answer, how } = await converse(socket, text);
  return summary(answer) || how;
}

function summary(text) {
  return answersOf(text)
    .map(({ status, rule }) => [status, rule].filter(Boolean).join(' '))
    .join(' + ');
}

/** Whole HTTP/1 answers, in order. */
export function answersOf(text) {
  const answers = [];
  for (let rest = text; ;) {
    const end = rest.indexOf('\r\n\r\n');
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(rest)?.[1];
    if (end < 0 || status === undefined) return answers;
    const head = rest.slice(0, end);
    const length = Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? 0);
    const body = rest.slice(end + 4, end + 4 + length);
    if (body.length < length) return answers;
    answers.push({ status, rule: ruleOf(body), head, body });
    rest = rest.slice(end + 4 + length);
  }
}

/** The rule that a refusal names; undefined for an answer that is none of ours. */
export function ruleOf(body) {
  try {
    const { blockedBy, rule } = JSON.parse(body);
    return blockedBy === 'ironcage' ? rule : undefined;
  } catch {
    return undefined;
  }
}

/** How an attempt to connect ends: `connected`, `ECONNREFUSED`, `timeout`. */
export function knock(host, port) {
  return connected(net.connect({ host, port }), 'connect').then(
    (socket) => (socket.destroy(), 'connected'),
    (error) => error.code ?? error.message,
  );
}

/** Whether something worked, with its result or its error. */
export function outcomeOf(work) {
  try {
    return `worked: ${String(work()).slice(0, 80)}`;
  } catch (error) {
    return `refused: ${error.code ?? error.message.split('\n').slice(0, 2).join(' ')}`;
  }
}

export function command(program, ...args) {
  return outcomeOf(() =>
    execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 8000 })
      .toString()
      .trim(),
  );
}

/** Observed where what a probe needs is not installed: it says nothing, and so it is none. */
export const NOT_TRIED = 'not tried';

export const worked = (text) => text.startsWith('worked:');
export const refused = (text) => text.startsWith('refused:');

/** The control of everything that goes over a socket: the egress lives, and refuses this way for the known reason alone. */
export const egressAnswers = (way = 'plain', options = {}) => ({
  ofEgress: true,
  attempt: () => send(way, request({ target: `${MARK}control` }), options),
  passes: REFUSED_WITH_REASON,
});

/**
 * Runs the probes of one group and reports each: `{id, expected, attempt, passes, control, quick}`. `control` is what must
 * work at the same time, with `ofEgress` where that is for the egress to answer; `quick` probes belong to the harmless subset.
 */
export async function runGroup(group, probes, { attack }, report) {
  const waiting = probes.filter(({ quick }) => attack || quick === true);
  const work = async () => {
    for (let probe = waiting.shift(); probe !== undefined; probe = waiting.shift()) {
      const judged = await judge(probe);
      if (judged.observed !== NOT_TRIED) report({ id: `${group.replaceAll(' ', '-')}.${probe.id}`, group, ...judged });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, work));
}

/** Controls in a row that the egress left unanswered; past a few, nobody waits for it any more. */
let unanswered = 0;
const MOST_UNANSWERED = 3;

async function judge({ expected, attempt, passes, control }) {
  if (control?.ofEgress === true && unanswered >= MOST_UNANSWERED) {
    return { ok: false, expected, observed: 'the egress answers nobody' };
  }
  const observed = await observe(attempt);
  const ok = fits(passes, observed);
  if (control === undefined) return { ok, expected, observed };
  const seen = await observe(control.attempt);
  if (control.ofEgress === true) unanswered = /timeout|no answer/.test(seen) ? unanswered + 1 : 0;
  if (fits(control.passes, seen)) return { ok, expected, observed };
  return { ok: false, expected, observed: `${observed}; its control failed: ${seen}` };
}

async function observe(attempt) {
  try {
    return String(await attempt()).slice(0, 300);
  } catch (error) {
    return `the probe itself failed: ${error.code ?? error.message}`.slice(0, 300);
  }
}

function fits(passes, text) {
  if (text.startsWith('the probe itself failed')) return false;
  return typeof passes === 'function' ? passes(text) === true : passes.test(text);
}
