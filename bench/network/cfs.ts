/** The ends as ClaudeFS has them: frames, codec and flow control, without a session or a store behind them. */

import { BufferPool, type Ino, SystemClock } from '#base';
import { type Attributes, type CallName, calls, createCodec } from '#protocol';
import { type Connection, connectTcp, connectTls, listenTcp, listenTls } from '#transport';
import { callsDepth, chunkBytes, chunksDepth, type EndOptions, host, measure, type Rate } from './work.ts';

const ino = 5 as Ino;
const clock = new SystemClock();
const codec = createCodec();
const chunk = Buffer.alloc(chunkBytes, 7);
const time = { atimeSec: 1_700_000_000, mtimeSec: 1_700_000_000, ctimeSec: 1_700_000_000, btimeSec: 1_700_000_000 };
const nanoseconds = { atimeNsec: 123_456_789, mtimeNsec: 123_456_789, ctimeNsec: 123_456_789, btimeNsec: 123_456_789 };
const attributes: Attributes = {
  ...{ ino, mode: 0o100644, nlink: 1, uid: 1000, gid: 1000, rdev: 0, size: 4096, blocks: 8, flags: 0, dataVersion: 7 },
  ...{ ...time, ...nanoseconds, hasAcl: false, hasFileCapabilities: false },
};
const noLeases = { serial: 5, grants: [], also: [] };
const answers = {
  calls: { reply: attributes, serial: 5, grants: [{ ino, kinds: 1 }], also: [] },
  read: { reply: chunk, ...noLeases },
  write: { reply: { written: chunkBytes, end: chunkBytes }, ...noLeases },
};

export async function serveCfs({ work, tls }: EndOptions): Promise<number> {
  const options = { host, port: 0, codec, clock, handler: () => answers[work] };
  const listener = await (tls === undefined ? listenTcp(options) : listenTls({ ...options, tls }));
  return listener.port;
}

export async function askCfs({ work, tls, port }: EndOptions): Promise<Rate> {
  const buffers = new BufferPool(64 * chunkBytes);
  const options = { host, port, codec, clock, buffers };
  const connection = tls === undefined ? connectTcp(options) : connectTls({ ...options, tls });
  const range = { ino, offset: 0 };
  const ask = {
    calls: () => call(connection, 'getattr', { ino }),
    read: async () => {
      const { reply } = (await call(connection, 'read', { ...range, length: chunkBytes, noAtime: false })) as {
        reply: Uint8Array;
      };
      buffers.giveBack(reply);
    },
    write: () =>
      call(connection, 'write', { ...range, data: chunk, append: false, killPrivileges: false, sync: false }),
  }[work];
  return measure((done) => {
    const repeat = async (): Promise<void> => {
      do await ask();
      while (done(1));
    };
    for (let count = 0; count < (work === 'calls' ? callsDepth : chunksDepth); count += 1) void repeat();
  });
}

function call(connection: Connection, name: CallName, request: unknown): unknown {
  return connection.call({ code: calls[name].code, session: 7, slot: 0, sequence: 0 }, request);
}
