import { SystemClock, SystemRandom } from '#base';
import { EmbeddedClient } from '#client';
import { clearMountpoint, type FuseMount, mountFuse, raiseReadahead, serve, unmount } from '#fuse';
import { createHandler, localFilesOf, openLocalVolume } from '#server';
import type { Logger } from '#telemetry';
import { InProcessConnection } from '#transport';
import { Vfs } from '#vfs';
import { fuseMountOptions, requireCompatible, sessionOptions, vfsOptions } from './mount-settings.ts';
import type { Mounted } from './mounted.ts';
import type { MountOptions } from './options.ts';

/**
 * Mounts a file system whose client and server are both in this process: opens the store, mounts, and returns when the mount answers. When any of it fails, nothing stays mounted and the
 * store is closed.
 */
export async function mountEmbedded(
  directory: string,
  store: string,
  options: MountOptions,
  log: Logger,
): Promise<Mounted> {
  requireCompatible(options);
  // First, so that a refusal makes no store.
  await clearMountpoint(directory);
  const clock = new SystemClock();
  const local = await openLocalVolume(store, { clock, random: new SystemRandom() });
  let fuse: FuseMount | undefined;
  try {
    fuse = await mountFuse({ mountpoint: directory, ...fuseMountOptions(options, store) });
    const client = new EmbeddedClient(new InProcessConnection(createHandler(local.volume)), localFilesOf(local.volume));
    let vfs: Vfs | undefined;
    const session = serve(fuse.fd, sessionOptions(options, log), (_features, backing) => {
      vfs = new Vfs(client, vfsOptions(options), backing);
      return vfs;
    });
    const features = await session.ready;
    await raiseReadahead(fuse.mountpoint);
    const ended = session.closed.then(async (reason) => {
      log.info({ reason }, 'unmounted');
      await local.close();
    });
    return { mountpoint: fuse.mountpoint, features, session, vfs: vfs as Vfs & object, ended, cluster: undefined };
  } catch (cause) {
    if (fuse !== undefined) await unmount(fuse.mountpoint, { lazy: true }).catch(() => undefined);
    await local.close().catch((error: unknown) => log.error(error, 'closing the store failed'));
    throw cause;
  }
}
