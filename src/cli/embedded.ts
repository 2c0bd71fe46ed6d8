import { FsError, SystemClock, SystemRandom } from '#base';
import { EmbeddedClient } from '#client';
import {
  clearMountpoint,
  type FuseMount,
  type KernelFeatures,
  mountFuse,
  raiseReadahead,
  type Session,
  serve,
  unmount,
} from '#fuse';
import { createHandler, localFilesOf, openLocalVolume } from '#server';
import type { Logger } from '#telemetry';
import { InProcessConnection } from '#transport';
import { embeddedVfsOptions, Vfs, type VfsOptions } from '#vfs';
import type { MountOptions } from './options.ts';

/** A mounted file system whose client and server are both in this process. */
export interface EmbeddedMount {
  readonly mountpoint: string;
  readonly features: KernelFeatures;
  readonly session: Session;
  readonly vfs: Vfs;
  /** Resolves when it has been unmounted and the store is closed; fails when closing lost something. */
  readonly ended: Promise<void>;
}

/**
 * Opens the store, mounts, and returns when the mount answers. When any of it fails, nothing stays mounted and the
 * store is closed.
 */
export async function mountEmbedded(
  directory: string,
  store: string,
  options: MountOptions,
  log: Logger,
): Promise<EmbeddedMount> {
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
    return { mountpoint: fuse.mountpoint, features, session, vfs: vfs as Vfs & object, ended };
  } catch (cause) {
    if (fuse !== undefined) await unmount(fuse.mountpoint, { lazy: true }).catch(() => undefined);
    await local.close().catch((error: unknown) => log.error(error, 'closing the store failed'));
    throw cause;
  }
}

function fuseMountOptions(options: MountOptions, store: string): Omit<Parameters<typeof mountFuse>[0], 'mountpoint'> {
  return {
    source: options.fsname ?? store,
    subtype: options.subtype ?? 'cfs',
    allowOther: allowsOthers(options),
    defaultPermissions: options.default_permissions ?? true,
    readOnly: options.ro ?? false,
    noSuid: options.nosuid ?? false,
    noDev: options.nodev ?? false,
    noExec: options.noexec ?? false,
    noAtime: options.noatime ?? false,
  };
}

/** Options that cannot go together. */
function requireCompatible(options: MountOptions): void {
  if (options.default_permissions !== false) return;
  if (allowsOthers(options)) {
    const why = 'nobody checks walks through names that the kernel has cached for another user';
    throw new FsError('invalid', `nodefault_permissions needs noallow_other: ${why}`);
  }
  if (options.acl) {
    throw new FsError(
      'invalid',
      'acl and nodefault_permissions exclude each other in the kernel: leave one of them out',
    );
  }
}

function allowsOthers(options: MountOptions): boolean {
  return options.allow_other ?? process.geteuid?.() === 0;
}

function sessionOptions(options: MountOptions, log: Logger): Parameters<typeof serve>[1] {
  const kernelChecksPermissions = options.default_permissions ?? true;
  return {
    maxWriteBytes: options.max_write ?? 1_048_576,
    protocolMinor: options.protocol,
    acl: (options.acl ?? true) && kernelChecksPermissions,
    xattr: options.xattr ?? true,
    passthrough: options.passthrough ?? true,
    kernelChecksPermissions,
    onBug: (error, operation) => log.error({ err: error, operation }, 'a bug: the caller got EIO'),
  };
}

function vfsOptions(options: MountOptions): VfsOptions {
  const ms = (seconds: number | undefined, otherwise: number): number =>
    seconds === undefined ? otherwise : seconds * 1000;
  return {
    attributeValidityMs: ms(options.attr_timeout, embeddedVfsOptions.attributeValidityMs),
    entryValidityMs: ms(options.entry_timeout, embeddedVfsOptions.entryValidityMs),
    negativeValidityMs: ms(options.negative_timeout, embeddedVfsOptions.negativeValidityMs),
    noAtime: options.noatime ?? false,
    passthrough: options.passthrough ?? true,
  };
}
