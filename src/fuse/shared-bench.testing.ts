// A dispatcher without a kernel, over a volume that other clients use too.

import { FsError, type Ino, ManualClock, type Maybe } from '#base';
import type { CallName, LockRange, RequestOf, SessionCallName, SessionReplyOf, SessionRequestOf } from '#protocol';
import { embeddedVfsOptions, noKernelCaches, type ShareVolumeOptions, shareVolume, type Vfs } from '#vfs';
import { type Bench, benchOver } from './dispatch.testing.ts';
import { MemoryClient } from './memory-client.testing.ts';

/** Owners and ranges alone, of one inode: who waits is tried again after each unlock. */
class LockingSession implements Pick<ShareVolumeOptions['session'], 'sessionCall'> {
  readonly incarnation = 0;
  readonly ttlMs = 30_000;
  readonly locks: LockRange[] = [];
  readonly #waiting = new Map<number, LockRange>();
  readonly #client: MemoryClient;
  granted: (request: number) => void = () => undefined;

  constructor(client: MemoryClient) {
    this.#client = client;
  }

  leaseLeftMs(): number {
    return this.ttlMs;
  }

  async sendOnce(): Promise<void> {
    // Nothing is lent here.
  }

  async call<N extends CallName>(name: N, request: RequestOf<N>) {
    return { reply: await this.#client.call(name, request), serial: 1, grants: [], also: [] };
  }

  async sessionCall<N extends SessionCallName>(name: N, request: SessionRequestOf<N>): Promise<SessionReplyOf<N>> {
    return this.#answer(name, request as never) as SessionReplyOf<N>;
  }

  unlock(released: Pick<LockRange, 'owner' | 'start' | 'end'>): void {
    const isReleased = (lock: LockRange): boolean => lock.owner === released.owner && overlap(lock, released);
    this.locks.splice(0, this.locks.length, ...this.locks.filter((lock) => !isReleased(lock)));
    for (const [request, lock] of this.#waiting) {
      if (this.#conflicting(lock) !== undefined) continue;
      this.#waiting.delete(request);
      this.locks.push(lock);
      this.granted(request);
    }
  }

  #answer(name: SessionCallName, request: never): Maybe<unknown> {
    switch (name) {
      case 'lock': {
        const { lock, wait, request: number } = request as SessionRequestOf<'lock'>;
        if (this.#conflicting(lock) === undefined) {
          this.locks.push(lock);
          return 'granted';
        }
        if (!wait) throw new FsError('wouldBlock', 'held by another');
        this.#waiting.set(number, lock);
        return 'queued';
      }
      case 'testLock':
        return this.#conflicting((request as SessionRequestOf<'testLock'>).lock);
      case 'cancelLock':
        return { granted: !this.#waiting.delete((request as SessionRequestOf<'cancelLock'>).request) };
      case 'unlock':
        this.unlock((request as SessionRequestOf<'unlock'>).lock);
        return;
      default:
        throw new FsError('notSupported', name);
    }
  }

  #conflicting(lock: LockRange): LockRange | undefined {
    return this.locks.find(
      (each) =>
        each.type === lock.type &&
        each.owner !== lock.owner &&
        overlap(each, lock) &&
        (each.exclusive || lock.exclusive),
    );
  }
}

const overlap = (a: { start: number; end: number }, b: { start: number; end: number }): boolean =>
  a.start <= b.end && b.start <= a.end;

export interface SharedBench extends Bench {
  readonly vfs: Vfs;
  /** What is held. */
  readonly locks: readonly LockRange[];
  /** Another client's doing: all that an owner holds goes. */
  unlockAll(owner: string): void;
}

export function sharedBench({ cluster }: { cluster: boolean } = { cluster: true }): SharedBench {
  const client = new MemoryClient();
  const session = new LockingSession(client);
  const clock = new ManualClock();
  const share = shareVolume({ clock, session, mode: 'strict', vfs: embeddedVfsOptions });
  session.granted = (request) => share.client.lockGranted(request);
  const vfs = share.makeVfs((_isKnown: (ino: Ino) => boolean) => noKernelCaches);
  const unlockAll = (owner: string): void => session.unlock({ owner, start: 0, end: Number.MAX_SAFE_INTEGER });
  return { ...benchOver(client, { cluster }, vfs), vfs, locks: session.locks, unlockAll };
}
