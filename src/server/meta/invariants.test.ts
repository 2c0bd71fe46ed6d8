import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { FsError, type Ino, rootIno } from '#base';
import { S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG } from '#protocol';
import { defaultAclName, encodeAcl } from '#security';
import { check } from './check.ts';
import { root, VolumeFixture } from './fixture.contract.ts';

/** Few names and directories, so that operations meet. */
const names = ['a', 'b', 'c', 'd'];
const name = fc.constantFrom(...names);
/** Which of the directories, or of all inodes, that exist then: taken modulo their number. */
const pick = fc.nat(30);

type Step = { kind: string; directory: number; name: string; to: number; toName: string; flags: number; type: number };
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(
    ...['make', 'make', 'make', 'rename', 'rename', 'rename', 'link', 'unlink', 'rmdir', 'open', 'release', 'unnamed'],
    ...['linkUnnamed', 'xattr', 'removexattr', 'acl', 'chmod', 'restart'],
  ),
  directory: pick,
  name,
  to: pick,
  toName: name,
  flags: fc.constantFrom(0, 0, 0, 1, 2, 2, 4),
  type: fc.constantFrom(S_IFREG, S_IFREG, S_IFDIR, S_IFDIR, S_IFLNK, S_IFCHR),
});

const acl = encodeAcl([
  { tag: 1, perm: 7, id: 0 },
  { tag: 2, perm: 5, id: 9 },
  { tag: 4, perm: 5, id: 0 },
  { tag: 0x10, perm: 5, id: 0 },
  { tag: 0x20, perm: 0, id: 0 },
]);

/** Applies steps, and knows by walking what there is. */
class Walker {
  fixture: VolumeFixture;
  readonly #open: Ino[] = [];

  constructor(fixture: VolumeFixture) {
    this.fixture = fixture;
  }

  async apply(each: Step): Promise<void> {
    try {
      if (each.kind === 'restart') await this.#restart();
      else this.#run(each);
    } catch (error) {
      assert.ok(error instanceof FsError && error.status !== 'corrupted', String((error as Error).stack));
    }
  }

  #run({ kind, directory, name, to, toName, flags, type }: Step): void {
    const directories = this.#walk().filter((ino) => this.#isDirectory(ino));
    const parent = directories[directory % directories.length]!;
    const newParent = directories[to % directories.length]!;
    const all = this.#walk();
    const ino = all[to % all.length]!;
    const { fixture } = this;
    const request = { caller: root, parent, name };
    switch (kind) {
      case 'make': {
        const open = type === S_IFREG && flags === 1;
        const made = fixture.make(name, { parent, mode: type | 0o755, target: type === S_IFLNK ? 'x' : '', open });
        if (open) this.#open.push(made.ino);
        break;
      }
      case 'rename':
        fixture.rename([parent, name], [newParent, toName], { flags });
        break;
      case 'link':
        fixture.call('link', { ...request, ino });
        break;
      case 'unlink':
      case 'rmdir':
        fixture.call(kind, request);
        break;
      case 'open':
        fixture.call('open', { caller: root, ino, flags: 0, killPrivileges: false });
        this.#open.push(ino);
        break;
      case 'release': {
        const released = this.#open.splice(to % (this.#open.length + 1), 1)[0];
        if (released !== undefined) fixture.call('release', { ino: released, count: 1 });
        break;
      }
      case 'unnamed':
        this.#open.push(fixture.call('makeUnnamed', { caller: root, parent, mode: 0o600, umask: 0 }).ino);
        break;
      case 'linkUnnamed':
        if (this.#open.length > 0) fixture.call('link', { ...request, ino: this.#open[to % this.#open.length]! });
        break;
      case 'xattr':
        fixture.call('setxattr', { caller: root, ino, name: `user.${name}`, value: new Uint8Array(3), flags: 0 });
        break;
      case 'removexattr':
        fixture.call('removexattr', { caller: root, ino, name: `user.${name}` });
        break;
      case 'acl':
        fixture.call('setxattr', { caller: root, ino: parent, name: defaultAclName, value: acl, flags: 0 });
        break;
      case 'chmod':
        fixture.set(ino, { mode: 0o700 | flags });
        break;
    }
  }

  /** All inodes below the root that names lead to. */
  #walk(): Ino[] {
    const found: Ino[] = [rootIno];
    for (let at = 0; at < found.length; at++) {
      if (!this.#isDirectory(found[at]!)) continue;
      const entries = this.fixture.call('readdir', { ino: found[at]!, cookie: 0, limit: 100, withAttributes: true });
      for (const entry of entries) {
        assert.equal(entry.attributes!.mode & 0o170000, entry.type);
        found.push(entry.ino);
      }
    }
    return found;
  }

  #isDirectory(ino: Ino): boolean {
    return (this.fixture.stat(ino).mode & 0o170000) === S_IFDIR;
  }

  /** As after a kill: opens are forgotten, and their orphans removed. */
  async #restart(): Promise<void> {
    await this.fixture.volume.store.flush();
    this.fixture = await VolumeFixture.over(this.fixture.volume.store);
    this.#open.length = 0;
    await this.fixture.removeOrphans();
  }
}

test('whatever operations run, the volume never contradicts itself', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), async (steps) => {
      const walker = new Walker(await VolumeFixture.make());
      for (const each of steps) await walker.apply(each);
      const { store, hashSeed } = walker.fixture.volume;
      assert.deepEqual((await check(store, hashSeed)).found, []);
    }),
    { numRuns: 150, seed: Number(process.env['CFS_TEST_SEED'] ?? 1) },
  );
});
