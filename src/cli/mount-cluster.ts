import { SystemClock, SystemRandom } from '#base';
import { clearMountpoint, type FuseMount, mountFuse, raiseReadahead, serve, unmount } from '#fuse';
import type { Logger } from '#telemetry';
import type { Vfs } from '#vfs';
import { connectCluster } from './cluster.ts';
import { type ClusterSettings, clusterSettings } from './cluster-settings.ts';
import { keepAlive } from './keep-alive.ts';
import { fuseMountOptions, requireCompatible, sessionOptions } from './mount-settings.ts';
import type { Mounted } from './mounted.ts';
import type { MountOptions } from './options.ts';

/**
 * Mounts a volume of a cluster, and returns when the mount answers. When any of it fails, nothing stays mounted and the
 * session is ended. Fails as `connectCluster` does.
 */
export async function mountCluster(
  directory: string,
  options: MountOptions,
  log: Logger,
): Promise<{ mounted: Mounted; settings: ClusterSettings }> {
  requireCompatible(options);
  const settings = clusterSettings(directory, options, { clock: new SystemClock(), random: new SystemRandom(), log });
  await clearMountpoint(directory);
  const letGo = keepAlive();
  const cluster = await connectCluster(settings.options).finally(letGo);
  let fuse: FuseMount | undefined;
  try {
    const readOnly = cluster.state.readOnly || (options.ro ?? false);
    const kernel = fuseMountOptions({ ...options, ro: readOnly }, settings.source);
    fuse = await mountFuse({ mountpoint: directory, ...kernel });
    let vfs: Vfs | undefined;
    const shared = { ...sessionOptions(options, log), passthrough: false, cluster: true };
    const session = serve(fuse.fd, shared, (features, _backing, notifications) => {
      vfs = cluster.makeVfs(features, notifications);
      return vfs;
    });
    const features = await session.ready;
    await raiseReadahead(fuse.mountpoint);
    const ended = session.closed.then(async (reason) => {
      log.info({ reason }, 'unmounted');
      await cluster.close();
    });
    return {
      mounted: { mountpoint: fuse.mountpoint, features, session, vfs: vfs as Vfs & object, ended, cluster },
      settings,
    };
  } catch (cause) {
    if (fuse !== undefined) await unmount(fuse.mountpoint, { lazy: true }).catch(() => undefined);
    await cluster.close().catch((error: unknown) => log.error(error, 'ending the session failed'));
    throw cause;
  }
}
