/** The bare ends: sockets of Node and nothing else. Messages are answered one by one, content is only counted. */

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import {
  callsDepth,
  chunkBytes,
  chunksDepth,
  type EndOptions,
  host,
  measure,
  type Rate,
  replyBytes,
  requestBytes,
} from './work.ts';

const chunk = Buffer.alloc(chunkBytes, 7);
const request = Buffer.alloc(requestBytes);
const reply = Buffer.alloc(replyBytes);

export async function servePlain({ work, tls }: EndOptions): Promise<number> {
  const serve = (socket: Socket): void => {
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    if (work === 'calls') onEach(socket, requestBytes, () => socket.write(reply));
    if (work === 'write') onEach(socket, chunkBytes, () => socket.write(request));
    // Asked for by the chunk, as by calls.
    if (work === 'read') onEach(socket, requestBytes, () => socket.write(chunk));
  };
  const server = tls === undefined ? createServer(serve) : createTlsServer({ ...tls, minVersion: 'TLSv1.3' }, serve);
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export async function askPlain({ work, tls, port }: EndOptions): Promise<Rate> {
  const socket = tls === undefined ? connect({ host, port }) : connectTls({ host, port, ...tls });
  socket.setNoDelay(true);
  await once(socket, tls === undefined ? 'connect' : 'secureConnect');
  const ask = work === 'write' ? chunk : request;
  const answerBytes = { calls: replyBytes, read: chunkBytes, write: requestBytes }[work];
  return measure((done) => {
    onEach(socket, answerBytes, () => {
      if (done(1)) socket.write(ask);
    });
    for (let count = 0; count < (work === 'calls' ? callsDepth : chunksDepth); count += 1) socket.write(ask);
  });
}

/** Calls `run` for each so many bytes that have arrived. */
function onEach(socket: Socket, bytes: number, run: () => void): void {
  let has = 0;
  socket.on('data', (data: Buffer) => {
    for (has += data.length; has >= bytes; has -= bytes) run();
  });
}
