import { MountSession } from '#client';
import { FuseKernelCaches, type KernelFeatures, Notifications } from '#fuse';
import type { CacheMode } from '#protocol';
import { shareVolume, type VfsOptions } from '#vfs';
import type { PlantedProtocolBug } from '../planted-protocol-bugs.ts';
import type { MakeMount } from './client-host.ts';

const vfsOptions: Record<CacheMode, VfsOptions> = {
  strict: believing(10_000),
  session: believing(10_000),
  closeToOpen: believing(1000),
};

function believing(validityMs: number): VfsOptions {
  return {
    attributeValidityMs: validityMs,
    entryValidityMs: validityMs,
    negativeValidityMs: validityMs,
    noAtime: false,
    passthrough: false,
  };
}

/** As Linux 6.18 answers INIT. */
const features: KernelFeatures = {
  protocol: { major: 7, minor: 45 },
  kernelProtocol: { major: 7, minor: 45 },
  flags: ['AUTO_INVAL_DATA', 'PARALLEL_DIROPS', 'ATOMIC_O_TRUNC', 'DO_READDIRPLUS'],
  maxWriteBytes: 1_048_576,
  maxReadBytes: 1_048_576,
  maxReadaheadBytes: 131_072,
  maxBackground: 12,
  noFlush: false,
  parallelDirectWrites: true,
  setxattrExt: true,
  killPrivV2: true,
  xattr: true,
  incrementEpoch: true,
  prune: true,
  cluster: true,
  passthrough: { on: false, reason: 'a cluster mount' },
};

/** What the command `mount` puts together for a cluster, over what the world has in place of the machine. */
export function clusterMounts(mode: CacheMode, bug: PlantedProtocolBug | undefined): MakeMount {
  return async ({ name, connect, clock, random, notifications }) => {
    const session = new MountSession({
      connect,
      clock,
      random,
      timeoutMs: 0,
      create: { name, volume: 'default', cacheMode: mode, readOnly: false },
      onNews: () => undefined,
    });
    const { client, makeVfs } = shareVolume({ clock, session, mode, vfs: vfsOptions[mode] });
    try {
      await session.start(client);
    } catch (error) {
      client.close();
      throw error;
    }
    const notices = new Notifications(notifications, features);
    return makeVfs((isKnown) => {
      const caches = new FuseKernelCaches({ notices, clock, incrementEpoch: features.incrementEpoch, isKnown });
      return bug?.kernel?.(caches) ?? caches;
    });
  };
}
