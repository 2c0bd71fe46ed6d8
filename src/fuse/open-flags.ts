import type { OpenedFile, OpenMode } from '#vfs';
import type { KernelFeatures } from './handshake.ts';
import { fopen } from './numbers.table.ts';

/**
 * FOPEN_* of an opened file. With PASSTHROUGH only DIRECT_IO, PARALLEL_DIRECT_WRITES and NOFLUSH may stand: any
 * other bit makes the open fail with EIO.
 *
 * NOFLUSH stands everywhere: a write is answered when it is done, so close(2) has no failure left to report, and
 * the locks are the kernel's own.
 */
export function openOutFields(file: OpenedFile, features: KernelFeatures): { openFlags: number; backingId: number } {
  let openFlags = modeFlags[file.mode];
  if (features.noFlush) openFlags |= fopen.noFlush;
  if (file.mode === 'cached' && file.keepCache) openFlags |= fopen.keepCache;
  if (file.mode === 'direct' && features.parallelDirectWrites) openFlags |= fopen.parallelDirectWrites;
  return { openFlags, backingId: (openFlags & fopen.passthrough) === 0 ? 0 : file.backingId };
}

const modeFlags: Record<OpenMode, number> = {
  passthrough: fopen.passthrough,
  passthroughDirect: fopen.passthrough | fopen.directIo,
  cached: 0,
  direct: fopen.directIo,
};
