/**
 * A mount of the recording file system, as a program: `recorder-mount.ts DIRECTORY RECORDING [JSON OPTIONS]`. Prints a
 * line when it is mounted; when it has been unmounted, it leaves what happened in the directory RECORDING.
 */
import process from 'node:process';
import { mountFuse, serve } from '#fuse';
import { embeddedVfsOptions, Vfs } from '#vfs';
import { copyDirectory } from './copy-directory.ts';
import { RecordedClient } from './recorded-client.ts';
import { saveRecording } from './recording.ts';
import type { Lies } from './sync-log.ts';

export interface RecorderOptions {
  /** A sync takes up to so long. */
  readonly syncMs: number;
  readonly seed: number;
  readonly lies: Lies;
  /** What lies on the disk at the start, safe from power cuts: a copy of this directory. */
  readonly copyOf?: string;
}

const [mountpoint = '', recording = '', json = '{}'] = process.argv.slice(2);
const options: RecorderOptions = {
  syncMs: 2,
  seed: 1,
  lies: 'never',
  ...(JSON.parse(json) as Partial<RecorderOptions>),
};
const client = new RecordedClient(options);
if (options.copyOf !== undefined) await copyDirectory(client, options.copyOf);
const mounted = await mountFuse({ mountpoint, subtype: 'cfs-recorder', source: 'recorder' });
// Without passthrough of its own the mount has no layers below it, so the mount above may pass through to it.
const session = serve(mounted.fd, { passthrough: false, acl: false, xattr: false }, () => {
  return new Vfs(client, { ...embeddedVfsOptions, passthrough: false }, undefined);
});
await session.ready;
process.stdout.write('mounted\n');
await session.closed;
saveRecording(recording, client.events);
