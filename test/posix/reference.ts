import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, open, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { temporaryRoot } from './mount.ts';

const run = promisify(execFile);
const IMAGE_BYTES = 256 * 1024 * 1024;

export interface Reference {
  dir: string;
  kind: 'ext4' | 'tmpfs';
  release(): Promise<void>;
}

/** A file system of the kernel to compare with: ext4 in an image where loop devices can be had, else a directory. */
export async function openReference(): Promise<Reference> {
  const home = await mkdtemp(path.join(await temporaryRoot(), 'cfs-reference-'));
  await chmod(home, 0o755);
  const dir = path.join(home, 'mount');
  await mkdir(dir);
  try {
    await mountImage(path.join(home, 'image'), dir);
  } catch {
    return { dir, kind: 'tmpfs', release: () => rm(home, { recursive: true, force: true }) };
  }
  return {
    dir,
    kind: 'ext4',
    async release() {
      await run('umount', ['-l', dir]);
      // rmdir, which never reaches into what might still be mounted.
      await rmdir(dir);
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function mountImage(image: string, dir: string): Promise<void> {
  const file = await open(image, 'w');
  await file.truncate(IMAGE_BYTES);
  await file.close();
  const environment = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
  await run('mkfs.ext4', ['-q', '-F', image], { env: environment });
  await run('mount', ['-o', 'loop', image, dir], { env: environment });
}
