import type { KvBatch, KvEngine, MemoryBlobStore, ServedVolume, VolumeHandler } from '#server';
import type { CallHeader, Connection } from '#transport';

/** A mistake put into shipped code from outside, to see that the simulation finds it. */
export interface PlantedBug {
  /** In which simulation it shows. */
  readonly found: 'cluster' | 'embedded' | 'both';
  readonly handler?: (handler: VolumeHandler) => VolumeHandler;
  readonly connection?: (connection: Connection) => Connection;
  readonly engine?: (engine: KvEngine) => void;
  readonly blobs?: (blobs: MemoryBlobStore) => void;
  /** The server has recovered and does not serve yet. */
  readonly started?: (volume: ServedVolume) => Promise<void>;
}

const soon = (): Promise<void> => Promise.resolve();

export const plantedBugs: Record<string, PlantedBug> = {
  'repeated calls are carried out again': {
    found: 'cluster',
    handler: (handler) => (header, request) => handler({ ...header, session: 0 }, request),
  },
  'a repetition takes a new sequence': {
    found: 'cluster',
    connection: (connection) => ({
      call: (header, request) => connection.call(renumbered(header), request),
      close: () => connection.close(),
    }),
  },
  'slots are forgotten when the server restarts': {
    found: 'cluster',
    started: async ({ store }) => {
      const keys: string[] = [];
      for await (const pair of store.scan('R')) keys.push(pair.key);
      await store.transact((tx) => {
        for (const key of keys) tx.delete(key);
      });
    },
  },
  'a call is answered before it is durable': {
    found: 'cluster',
    started: async ({ store }) => {
      store.flush = soon;
    },
  },
  'fsync does not wait for the metadata': {
    found: 'embedded',
    started: async ({ store }) => {
      store.flush = soon;
    },
  },
  'fsync does not sync the content': {
    found: 'both',
    blobs: (blobs) => {
      blobs.sync = soon;
    },
  },
  'a crash tears a batch': {
    found: 'both',
    engine: (engine) => {
      const commit = engine.commit.bind(engine);
      engine.commit = async (batch: KvBatch) => {
        const writes = [...batch.writes];
        const half = writes.length >> 1;
        await commit({ writes: new Map(writes.slice(0, half)) });
        await commit({ ...batch, writes: new Map(writes.slice(half)) });
      };
    },
  },
  'commits overtake each other': {
    found: 'embedded',
    engine: (engine) => {
      const commit = engine.commit.bind(engine);
      let held: Promise<void> | undefined;
      let count = 0;
      // Every third batch reaches the disk after the one that follows it, and is answered at once.
      engine.commit = (batch: KvBatch) => {
        count += 1;
        if (count % 3 !== 0) {
          const done = commit(batch);
          const release = held;
          held = undefined;
          return release === undefined ? done : done.then(() => release);
        }
        held = soon().then(() => commit(batch));
        return soon();
      };
    },
  },
};

let nextSequence = 1;

function renumbered(header: CallHeader): CallHeader {
  return header.sequence === 0 ? header : { ...header, sequence: nextSequence++ };
}
