import { execFile } from 'node:child_process';
import { chmod, mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { makeMountPlace } from './mount.ts';

const run = promisify(execFile);
const IMAGE_BYTES = 256 * 1024 * 1024;

export interface Reference {
  dir: string;
  kind: 'ext4' | 'tmpfs';
  release(): Promise<void>;
}

/** A file system of the kernel to compare with: ext4 in an image where loop devices can be had, else a directory. */
export async function openReference(): Promise<Reference> {
  const { home, dir, remove } = await makeMountPlace('cfs-reference-');
  await chmod(home, 0o755);
  const release = async () => remove();
  try {
    await mountImage(path.join(home, 'image'), dir);
  } catch {
    const plain = path.join(home, 'plain');
    await mkdir(plain);
    return { dir: plain, kind: 'tmpfs', release };
  }
  return { dir, kind: 'ext4', release };
}

async function mountImage(image: string, dir: string): Promise<void> {
  const file = await open(image, 'w');
  await file.truncate(IMAGE_BYTES);
  await file.close();
  const environment = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
  await run('mkfs.ext4', ['-q', '-F', image], { env: environment });
  await run('mount', ['-o', 'loop', image, dir], { env: environment });
}
