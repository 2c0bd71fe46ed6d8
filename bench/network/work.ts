/** What one end of a connection does in a network workload, and how its other end is told about it. */

import type { TlsIdentity } from '#transport';

export type NetworkWork = 'calls' | 'read' | 'write';

export interface EndOptions {
  /** `native`: bare sockets of Node. */
  readonly target: 'native' | 'cfs';
  readonly work: NetworkWork;
  readonly tls: TlsIdentity | undefined;
  /** Of the server; the server itself finds one. */
  readonly port: number;
}

export interface Rate {
  readonly operations: number;
  readonly nanoseconds: number;
}

export const host = '127.0.0.1';
export const chunkBytes = 2 ** 20;
/** Messages of a getattr in a session, with their frames: asked with 8 bytes, answered with attributes and a lease. */
export const requestBytes = 36 + 8;
export const replyBytes = 36 + 148;
/** Calls under way, and reads or writes. */
export const callsDepth = 256;
export const chunksDepth = 4;
const warmUpMs = 700;
const measuredMs = 1000;

/** Counts what `begin` reports as done, from when it is warm, until the time is over. */
export async function measure(begin: (done: (operations: number) => boolean) => void): Promise<Rate> {
  const startMs = performance.now();
  let fromMs = 0;
  let operations = 0;
  return new Promise((resolve) => {
    begin((count) => {
      const nowMs = performance.now();
      if (fromMs === 0) {
        if (nowMs - startMs > warmUpMs) fromMs = nowMs;
        return true;
      }
      operations += count;
      if (nowMs - fromMs < measuredMs) return true;
      resolve({ operations, nanoseconds: (nowMs - fromMs) * 1e6 });
      return false;
    });
  });
}
