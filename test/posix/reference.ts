import { execFile } from 'node:child_process';
import { chmod, open } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { makeMountPlace } from './mount.ts';

const run = promisify(execFile);
const IMAGE_BYTES = 256 * 1024 * 1024;

export interface Reference {
  dir: string;
  release(): Promise<void>;
}

/** A file system of the kernel to compare with, ext4 in an image; undefined where there are no loop devices. */
export async function openReference(): Promise<Reference | undefined> {
  const { home, dir, remove } = await makeMountPlace('cfs-reference-');
  await chmod(home, 0o755);
  try {
    await mountImage(path.join(home, 'image'), dir);
  } catch {
    remove();
    return undefined;
  }
  return { dir, release: async () => remove() };
}

async function mountImage(image: string, dir: string): Promise<void> {
  const file = await open(image, 'w');
  await file.truncate(IMAGE_BYTES);
  await file.close();
  const environment = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
  await run('mkfs.ext4', ['-q', '-F', image], { env: environment });
  await run('mount', ['-o', 'loop', image, dir], { env: environment });
}
