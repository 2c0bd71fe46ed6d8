import { strict as assert } from 'node:assert';
import { ManualClock, type Maybe } from '#base';
import type { KvPair } from './engine.ts';
import { MemoryEngine } from './memory.ts';
import { KvStore, type KvStoreOptions } from './store.ts';

/** What the tests of the store have in common. */
export const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
export const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString('latin1');
export const directory = 'D12345678';
export const name = (i: number): string => `${directory}${String(i).padStart(6, '0')}`;
export const keysOf = (pairs: KvPair[]): string[] => pairs.map(({ key }) => key);

export function now<T>(answer: Maybe<T>): T {
  assert(!(answer instanceof Promise), 'the answer was to be there at once');
  return answer;
}
export const put = (store: KvStore, key: string, value = 'v') => now(store.transact((tx) => tx.put(key, bytes(value))));
export const get = (store: KvStore, key: string) => text(now(store.read((snapshot) => snapshot.get(key))));
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function open(options: KvStoreOptions = {}, engine: MemoryEngine = new MemoryEngine()) {
  const clock = new ManualClock();
  return { clock, engine, store: new KvStore(engine, clock, options) };
}
