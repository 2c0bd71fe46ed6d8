import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { test } from 'node:test';
import { below, SeededRandom, SystemClock } from '#base';
import { anyMessageCodec as codec } from './any-message.testing.ts';
import { encodeHello, frameKinds } from './frame.ts';
import { FrameSender } from './frame-sender.ts';
import { connectTcp, listenTcp } from './tcp.ts';

const host = '127.0.0.1';
const clock = new SystemClock();
const header = { code: 1, session: 0, slot: 0, sequence: 0 };
const attackers = 300;

/** A hello and some frames, as a client sends them. */
function goodBytes(random: SeededRandom): Buffer {
  const pieces: Uint8Array[] = [];
  const socket = {
    write: (bytes: Uint8Array) => pieces.push(bytes),
    cork: () => undefined,
    uncork: () => undefined,
    writableLength: 0,
    destroyed: false,
  };
  const sender = new FrameSender(socket as unknown as Socket, true);
  sender.raw(encodeHello({ checksums: true, callsMax: 100, bytesMax: 1000 }));
  for (let id = 1; id < 6; id++) {
    const kind = [frameKinds.call, frameKinds.call, frameKinds.cancel, frameKinds.ping][below(random, 4)]!;
    const body = codec.requests.encode(1, { id, content: 'x'.repeat(below(random, 300)) });
    sender.send({ ...header, kind, id }, kind === frameKinds.call ? body : undefined);
  }
  sender.flush();
  return Buffer.concat(pieces);
}

function mutated(random: SeededRandom): Buffer {
  const bytes = goodBytes(random);
  if (below(random, 4) === 0) for (let at = 0; at < bytes.length; at++) bytes[at] = below(random, 256);
  for (let count = below(random, 4); count >= 0; count--) bytes[below(random, bytes.length)] = below(random, 256);
  return below(random, 3) === 0 ? bytes.subarray(0, below(random, bytes.length)) : bytes;
}

test('whatever bytes arrive, their connection ends and the others go on', { timeout: 120_000 }, async () => {
  const refused: string[] = [];
  const listener = await listenTcp({
    host,
    port: 0,
    codec,
    clock,
    handler: (_header, request) => request,
    limits: { silenceMs: 300 },
    onRefused: (reason) => refused.push(reason),
  });
  const bystander = connectTcp({ host, port: listener.port, codec, clock });
  const random = new SeededRandom(77);
  for (let count = 0; count < attackers; count++) {
    const socket = connectSocket({ host, port: listener.port });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    const bytes = mutated(random);
    // In two parts, as a network may cut it.
    const cut = below(random, bytes.length + 1);
    socket.write(bytes.subarray(0, cut));
    socket.end(bytes.subarray(cut));
    socket.resume();
    if (count % 10 === 0) assert.equal(await bystander.call(header, count), count);
    await once(socket, 'close');
  }
  assert.equal(await bystander.call(header, 'still there'), 'still there');
  assert(refused.length > attackers / 2, `${refused.length} of ${attackers} were refused with a reason`);
  assert(refused.includes('a frame whose checksum is wrong'));
  assert.equal(listener.connections.size, 1);
  bystander.close();
  await listener.close();
});

test('a frame that claims to be larger than any is refused before memory is found for it', async () => {
  const refused: string[] = [];
  const onRefused = (reason: string) => void refused.push(reason);
  const listener = await listenTcp({ host, port: 0, codec, clock, handler: () => 1, onRefused });
  const socket = connectSocket({ host, port: listener.port });
  const bytes = Buffer.alloc(32 + 36);
  bytes.set(encodeHello({ checksums: true, callsMax: 1, bytesMax: 1 }));
  bytes.writeUInt32LE(0xfffffff0, 32);
  socket.end(bytes);
  socket.resume();
  await once(socket, 'close');
  assert.match(refused[0]!, /a frame of 4294967280 bytes, at most 16777216 are taken/);
  await listener.close();
});

test('a message that cannot be read fails its call and nothing else', async () => {
  const listener = await listenTcp({ host, port: 0, codec, clock, handler: () => 1 });
  const broken = { ...codec, requests: { ...codec.requests, encode: () => [Uint8Array.of(0, 1, 2, 3)] } };
  const connection = connectTcp({ host, port: listener.port, codec: broken, clock });
  await assert.rejects(connection.call(header, 1) as Promise<unknown>, { status: 'invalid' });
  await assert.rejects(connection.call(header, 1) as Promise<unknown>, { status: 'invalid' });
  connection.close();
  await listener.close();
});
