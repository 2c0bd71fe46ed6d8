import { chain, type Ino, type Maybe } from '#base';
import { getInode } from '../meta/inode.ts';
import { key } from '../meta/keys.ts';
import type { Volume } from '../volume.ts';
import { explained } from './blob-content.ts';
import { isInBlob } from './content.ts';

/**
 * fsync(2) and fdatasync(2), of files and directories: content first, then the metadata that name it. All of the
 * metadata's log becomes durable, so the two do not differ there.
 */
export function fsync(volume: Volume, request: { ino: Ino; dataOnly: boolean }): Promise<void> {
  return syncContent(volume, request.ino, request.dataOnly);
}

export async function syncContent(volume: Volume, ino: Ino, dataOnly: boolean): Promise<void> {
  // From here on somebody relies on inline content, whatever else happens to it meanwhile.
  volume.unsynced.inlineSettled(ino);
  const inBlob = await volume.store.read((tx) => {
    const inode = getInode(tx, ino);
    return inode !== undefined && isInBlob(inode);
  });
  if (inBlob) await syncBlob(volume, ino, dataOnly);
  await volume.store.flush();
}

async function syncBlob(volume: Volume, ino: Ino, dataOnly: boolean): Promise<void> {
  // Taken before the sync begins: what grows while it runs marks itself again.
  const marked = volume.unsynced.takeBlob(ino);
  try {
    await volume.blobs.sync(ino, dataOnly);
  } catch (cause) {
    if (marked) volume.unsynced.blobGrew(ino);
    throw explained(cause, ino);
  }
  if (marked) await unmarkSynced(volume, [ino]);
}

/** Takes the `W` keys of blobs away that were synced, unless they grew again or are lent for writing. */
export function unmarkSynced(volume: Volume, inos: readonly Ino[]): Maybe<void> {
  return chain(
    volume.store.transact((tx) => {
      for (const ino of inos) {
        const writers = volume.lent.get(ino)?.writers ?? 0;
        if (writers === 0 && !volume.unsynced.hasBlob(ino)) tx.delete(key.lent(ino));
      }
    }),
    () => undefined,
  );
}
