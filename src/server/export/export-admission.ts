import { FsError } from '#base';
import { type Export, type Exports, wholeVolume } from '#security';
import type { ClusterVolume } from '../cluster-volume.ts';
import type { Admit } from '../session/session-view.ts';
import { ExportView, findExportRoot } from './export-view.ts';

/** Whom an exports file means by clients that prove no name. */
export const anonymousClient = 'anonymous';

/**
 * Lets each client see what the exports grant it; without exports, every volume as a whole. `exports` is asked for each
 * connection, so that a file that was read again counts from the next one on.
 */
export function exportAdmission(
  volumes: ReadonlyMap<string, ClusterVolume>,
  exports: () => Exports | undefined,
): Admit {
  return async (peer, { volume: name }) => {
    const client = peer.identity ?? anonymousClient;
    const granted = grantedTo(client, name, exports());
    const volume = volumes.get(name)?.volume;
    if (volume === undefined) throw new FsError('notFound', `there is no volume ${name}`);
    return new ExportView(volume, { granted, root: await findExportRoot(volume, granted) });
  };
}

function grantedTo(client: string, volume: string, exports: Exports | undefined): Export {
  if (exports === undefined) return wholeVolume;
  const granted = exports.find(client, volume);
  if (granted !== undefined) return granted;
  throw new FsError('accessDenied', `the server exports nothing of the volume ${volume} to the client ${client}`);
}
