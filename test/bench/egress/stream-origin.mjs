// Events every few milliseconds, each with the time at which it was sent; and a sink for uploads.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [port, keyFile, certificateFile] = process.argv.slice(2);
const EVENT_MS = 4;

const server = createServer(
  { key: readFileSync(keyFile), cert: readFileSync(certificateFile) },
  (request, response) => {
    if (request.url === '/upload') {
      let bytes = 0;
      request.on('data', (piece) => (bytes += piece.length));
      request.on('end', () => response.end(String(bytes)));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => response.write(`data: ${process.hrtime.bigint()}\n\n`), EVENT_MS);
    response.on('close', () => clearInterval(timer));
  },
);
server.listen(Number(port), '127.0.0.1', () => process.send('ready'));
