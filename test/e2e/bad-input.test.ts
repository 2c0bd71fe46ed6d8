import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { asRoot, cfsPath, gone, mounting, Site } from './mounted.ts';

/** A small disk in memory, mounted below the site. */
class SmallDisk implements Disposable {
  readonly path: string;

  constructor(site: Site, bytes: number) {
    this.path = join(site.root, 'disk');
    mkdirSync(this.path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', this.path]);
  }

  [Symbol.dispose](): void {
    execFileSync('umount', ['-l', this.path]);
  }
}

/** Writes files of `bytes` until there is no room; how many. */
function fill(directory: string, name: string, bytes: number): number {
  for (let count = 0; ; count++) {
    try {
      writeFileSync(join(directory, `${name}${count}`), Buffer.alloc(bytes, count));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      return count;
    }
  }
}

for (const option of ['passthrough', 'nopassthrough']) {
  test(`a full disk says so, keeps what was accepted, and can be emptied again (${option})`, asRoot, async () => {
    await using site = new Site();
    using disk = new SmallDisk(site, 16 << 20);
    const store = join(disk.path, 'store');
    await site.mount('--store', store, '-o', option);
    const large = fill(site.mountpoint, 'large', 1 << 20);
    const small = fill(site.mountpoint, 'small', 100);
    assert(large > 10 && small > 100, `${large} large and ${small} small files`);
    for (let count = 0; count <= large; count++) rmSync(join(site.mountpoint, `large${count}`), { force: true });
    for (let tries = 0; tries < 3000; tries++) {
      await pause(20);
      try {
        writeFileSync(join(site.mountpoint, 'again'), Buffer.alloc(4 << 20, 1));
        break;
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      }
    }
    await site.umount();
    assert.equal((await site.cfs('fsck', store)).code, 0);
    await site.mount('--store', store);
    const names = new Set(readdirSync(site.mountpoint));
    for (let count = 0; count < small; count++) assert(names.has(`small${count}`), `small${count} is missing`);
    assert.equal(readFileSync(join(site.mountpoint, `small${small - 1}`)).length, 100);
    assert.equal(readFileSync(join(site.mountpoint, 'again')).length, 4 << 20);
    await site.umount();
  });
}

test('a mount whose daemon was killed is replaced by the next', mounting, async () => {
  await using site = new Site();
  await site.mount();
  const path = join(site.mountpoint, 'file');
  writeFileSync(path, 'kept', { flush: true });
  const pid = await site.daemonPid();
  process.kill(pid, 'SIGKILL');
  await gone(pid);
  await site.mount();
  assert.equal(readFileSync(path, 'latin1'), 'kept');
  await site.umount();
  assert.equal((await site.cfs('umount', site.mountpoint)).code, 1, 'only one was left');
});

test(
  'a directory that is mounted, and a store that is in use, are refused, and nothing is made',
  mounting,
  async () => {
    await using site = new Site();
    await site.mount();
    const other = join(site.root, 'other');
    const again = await site.cfs('mount', site.mountpoint, '--store', other);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /is mounted already \(fuse\.cfs from .*\): unmount it first/);
    assert(!existsSync(other), 'no store is made');
    const place = join(site.root, 'place');
    mkdirSync(place);
    const shared = await site.cfs('mount', place, '--store', site.store);
    assert.equal(shared.code, 1);
    assert.match(shared.stderr, /in use by process \d+: unmount it there first/);
    assert.deepEqual(readdirSync(place), []);
    assert.equal((await site.cfs('fsck', site.store)).code, 8);
  },
);

test('a store where no directory can be made is refused', mounting, async () => {
  await using site = new Site();
  const finished = await site.cfs('mount', site.mountpoint, '--store', '/proc/nowhere/store');
  assert.equal(finished.code, 1);
  assert.match(finished.stderr, /cannot make the store \/proc\/nowhere\/store: no directory can be made there/);
  const below = await site.cfs('mount', site.mountpoint, '--store', join(site.mountpoint, 'store'));
  assert.equal(below.code, 2, 'the daemon finds it, but it is wrong usage');
  assert.match(below.stderr, /would lie below its own mount/);
});

test('a store on a read-only disk is refused with advice', asRoot, async () => {
  await using site = new Site();
  using disk = new SmallDisk(site, 16 << 20);
  await site.mount('--store', join(disk.path, 'store'));
  await site.umount();
  execFileSync('mount', ['-o', 'remount,ro', disk.path]);
  for (const name of ['store', 'new']) {
    const finished = await site.cfs('mount', site.mountpoint, '--store', join(disk.path, name));
    assert.equal(finished.code, 1);
    assert.match(
      finished.stderr,
      /^cfs: cannot .* its disk is read-only: make it writable, or choose another --store$/m,
    );
  }
});

test('a daemon with few descriptors serves many open files', mounting, async () => {
  await using site = new Site();
  const { environment: env, mountpoint, store } = site;
  execFileSync('sh', ['-c', 'ulimit -n 256 && exec "$0" "$@"', cfsPath, 'mount', mountpoint, '--store', store], {
    env,
  });
  const files = Array.from({ length: 300 }, (_, count) => openSync(join(mountpoint, `${count}`), 'w+'));
  for (const file of files) assert.equal(writeSync(file, Buffer.alloc(40_000, 7)), 40_000);
  for (const [count, file] of files.entries()) {
    assert.equal(readFileSync(join(mountpoint, `${count}`)).length, 40_000);
    closeSync(file);
  }
});
