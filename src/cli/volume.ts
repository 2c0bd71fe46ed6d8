import { resolve } from 'node:path';
import { askServer } from '#admin';
import { FsError, SystemClock, SystemRandom } from '#base';
import { requireVolumeName, VolumesDirectory } from '#server';
import { print, printJson } from './output.ts';
import { defaultServerStore } from './paths.ts';

export interface VolumeFlags {
  store?: string;
  json?: boolean;
  yes?: boolean;
}

/** `cfs volume create`: through the server that has the store, else in the store itself. */
export async function volumeCreate(name: string, flags: VolumeFlags): Promise<number> {
  const store = storeOf(flags);
  requireVolumeName(name);
  const asked = await askServer(store, 'POST /volumes/create', { name });
  if (asked === undefined) {
    await directly(store, { make: true }, (directory) => {
      return directory.create(name, { clock: new SystemClock(), random: new SystemRandom() });
    });
  }
  print(`created the volume ${name}`);
  return 0;
}

/** `cfs volume list` */
export async function volumeList(flags: VolumeFlags): Promise<number> {
  const store = storeOf(flags);
  const served = await askServer(store, 'GET /status', undefined);
  const names = served?.volumes ?? (await directly(store, { make: false }, async (directory) => directory.list()));
  if (flags.json) printJson(names);
  else print(names.length === 0 ? 'no volumes' : names.join('\n'));
  return 0;
}

/** `cfs volume remove`: with all that is in it, so it must be confirmed. */
export async function volumeRemove(name: string, flags: VolumeFlags): Promise<number> {
  const store = storeOf(flags);
  requireVolumeName(name);
  if (!flags.yes) {
    throw new FsError('invalid', `removing the volume ${name} removes all files in it for ever: confirm with --yes`);
  }
  const asked = await askServer(store, 'POST /volumes/remove', { name });
  if (asked === undefined) await directly(store, { make: false }, async (directory) => directory.remove(name));
  print(`removed the volume ${name}`);
  return 0;
}

async function directly<T>(
  store: string,
  options: { make: boolean },
  body: (directory: VolumesDirectory) => Promise<T>,
): Promise<T> {
  const directory = VolumesDirectory.take(store, options);
  try {
    return await body(directory);
  } finally {
    directory.close();
  }
}

function storeOf({ store }: VolumeFlags): string {
  return resolve(store ?? defaultServerStore());
}
