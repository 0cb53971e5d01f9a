// A server that writes down what reaches it: one line of JSON for each request, into the file named by $SEEN.
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';

createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const raw = request.rawHeaders;
    const seen = {
      line: `${request.method} ${request.url}`,
      fields: raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1]]] : [])),
      body: Buffer.concat(parts).toString('latin1'),
    };
    appendFileSync(process.env.SEEN, `${JSON.stringify(seen)}\n`);
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 2 }).end('ok');
  });
}).listen(Number(process.env.PORT), '127.0.0.1');
