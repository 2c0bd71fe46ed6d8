/** A target while it is mounted. */

import { join } from 'node:path';
import { run } from './command.ts';
import type { TargetName } from './options.ts';

export const cfs = join(import.meta.dirname, '../bin/cfs');

/** What a workload asks of a mount beyond the defaults. */
export interface MountWish {
  /**
   * `no-entries`: the kernel may keep no entry, so every name is a round trip to the daemon, while attributes keep
   * their validity and the walk asks for nothing else. `none`: no attribute either.
   */
  readonly validity?: 'no-entries' | 'none';
  /** `off`: reads and writes go through the daemon. bindfs knows no other way. */
  readonly passthrough?: 'off';
  /** The core of the daemon, or all. */
  readonly core: number | undefined;
}

export interface Mounted {
  readonly target: TargetName;
  /** The directory in which the application works. */
  readonly directory: string;
  /** The same files without the daemon, where there is such a view: set-up of a large tree is quicker there. */
  readonly backing: string;
  /** The processes that serve the mount, the request loop's first; none for the native directory. */
  readonly pids: readonly number[];
  unmount(): Promise<void>;
}

interface CfsStatus {
  readonly mountpoint: string;
  readonly daemonPid: number;
  readonly keeperPid: number | null;
  readonly passthrough?: { readonly on: boolean; readonly reason: string };
  readonly requests?: Readonly<Record<string, number>>;
}

/** What `cfs status --json` says of one mount. */
export async function cfsStatus(directory: string): Promise<CfsStatus> {
  const mounts = JSON.parse(await run([cfs, 'status', '--json'])) as CfsStatus[];
  const status = mounts.find((mount) => mount.mountpoint === directory);
  if (status === undefined) throw new Error(`cfs status does not know ${directory}`);
  return status;
}
