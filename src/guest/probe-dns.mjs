// DNS by hand, so that questions can be asked that no resolver would ask.
import dgram from 'node:dgram';
import net from 'node:net';

export const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, NULL: 10, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33 };

export function labelsOf(name) {
  const labels = name.split('.').map((label) => Buffer.from(label, 'latin1'));
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.from([0])]);
}

/** A whole query; `flags` is the second word of the header, `counts` the four numbers after it. */
export function query(name, type = TYPES.A, { flags = 0x0100, counts = [1, 0, 0, 0], kind = 1, extra = [] } = {}) {
  const header = Buffer.alloc(12);
  [0x1234, flags, ...counts].forEach((word, index) => header.writeUInt16BE(word, index * 2));
  const tail = Buffer.from([type >> 8, type & 255, kind >> 8, kind & 255]);
  return Buffer.concat([header, Buffer.isBuffer(name) ? name : labelsOf(name), tail, Buffer.from(extra)]);
}

/** Sends a datagram; the answer, or `no answer`, or the error that came back. */
export function datagram(server, port, bytes, waitMs = 400) {
  return new Promise((resolve) => {
    const socket = dgram.createSocket(server.includes(':') ? 'udp6' : 'udp4');
    const done = (result) => {
      clearTimeout(timer);
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => done('no answer'), waitMs);
    socket.on('error', (error) => done(`error ${error.code}`));
    socket.on('message', done);
    socket.connect(port, server, (error) => {
      if (error) done(`error ${error.code}`);
      else socket.send(bytes, (fault) => fault && done(`error ${fault.code}`));
    });
  });
}

/** An answer as text: `198.18.0.1`, `no records`, `code 4`, `no answer`. */
export function readAnswer(message) {
  if (typeof message === 'string') return message;
  if (message.length < 12) return 'a scrap';
  const code = message.readUInt16BE(2) & 15;
  const records = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10);
  if (code !== 0) return `code ${code}${records > 0 ? ` with ${records} records` : ''}`;
  if (records === 0) return 'no records';
  return records === 1 && message.length >= 16 ? [...message.subarray(-4)].join('.') : `${records} records`;
}

export async function ask(server, name, type, options) {
  return readAnswer(await datagram(server, 53, query(name, type, options), 1500));
}

/** The address of a name; throws when there is none. */
export async function lookUp(server, name) {
  const answer = await ask(server, name);
  if (!isSynthetic(answer)) throw new Error(`${name} has no address: ${answer}`);
  return answer;
}

export const isSynthetic = (text) => /^198\.1[89]\.\d+\.\d+$/.test(text);

/** The same over TCP, with the length in front; `frame` can be any bytes. */
export function askOverTcp(server, frame) {
  return new Promise((resolve) => {
    const socket = net.connect({ host: server, port: 53 });
    let bytes = Buffer.alloc(0);
    const done = (result) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => done('no answer'), 1500);
    socket.on('error', (error) => done(`error ${error.code}`));
    socket.on('close', () => done('closed'));
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) done(readAnswer(bytes.subarray(2)));
    });
    socket.write(frame);
  });
}
