import type { ByteString, Ino } from '#base';
import { accessAclName, capabilityName, defaultAclName } from '#security';
import type { CheckState } from './check-state.ts';
import type { CheckedInode } from './contradiction.ts';
import { isDirectory, isRegular, isSymlink } from './inode.ts';
import { inoOfKey, key } from './keys.ts';
import { placeOfLinkKey } from './links.ts';
import { type Inode, trait } from './records.ts';

const xattrNameOffset = 9;
const xattrTraits = trait.xattrs | trait.accessAcl | trait.defaultAcl | trait.fileCapabilities;

/** Everything that is kept beside an inode, and the marks in its record that tell of it. */
export class BelongingsCheck {
  readonly #state: CheckState;
  /** Which attributes each inode turned out to have, as bits of `trait`. */
  readonly #xattrs = new Map<Ino, number>();
  readonly #targets = new Map<Ino, number>();
  readonly #contents = new Map<Ino, number>();
  readonly #links = new Map<Ino, Set<ByteString>>();
  readonly #orphans = new Set<Ino>();

  constructor(state: CheckState) {
    this.#state = state;
  }

  async run(): Promise<void> {
    await this.#scan(
      'T',
      ({ inode }) => isSymlink(inode.mode),
      (ino, _key, value) => this.#targets.set(ino, value.length),
    );
    await this.#scan(
      'C',
      ({ inode }) => hasInlineContent(inode),
      (ino, _key, value) => this.#contents.set(ino, value.length),
    );
    await this.#scan(
      'X',
      () => true,
      (ino, xattrKey) => this.#noteXattr(ino, xattrKey.slice(xattrNameOffset)),
    );
    await this.#scan(
      'L',
      (checked, linkKey) => this.#isTrueLink(checked, linkKey),
      (ino, linkKey) => this.#noteLink(ino, linkKey),
    );
    await this.#scan(
      'O',
      ({ inode }) => inode.nlink === 0,
      (ino) => this.#orphans.add(ino),
    );
    await this.#scan('W', ({ inode }) => (inode.traits & trait.blob) !== 0);
    await this.#scanFreed();
    for (const checked of this.#state.inodes.values()) this.#checkInode(checked);
  }

  async #scan(
    kind: string,
    belongs: (checked: CheckedInode, key: ByteString) => boolean,
    note?: (ino: Ino, key: ByteString, value: Uint8Array) => void,
  ): Promise<void> {
    const { store, inodes, unreadable, report } = this.#state;
    for await (const pair of store.scan(kind)) {
      const ino = inoOfKey(pair.key);
      const checked = inodes.get(ino);
      if (unreadable.has(ino)) continue;
      if (checked !== undefined && belongs(checked, pair.key)) note?.(ino, pair.key, pair.value);
      else
        report(ino, `a key of kind ${kind} is kept for inode ${ino} and means nothing`, {
          kind: 'stray',
          key: pair.key,
        });
    }
  }

  /** The blob of a living inode must not be removed. */
  async #scanFreed(): Promise<void> {
    const { store, inodes, report } = this.#state;
    for await (const pair of store.scan('F')) {
      const ino = inoOfKey(pair.key);
      if (((inodes.get(ino)?.inode.traits ?? 0) & trait.blob) === 0) continue;
      report(ino, `the blob of inode ${ino} is to be removed and still in use`, { kind: 'stray', key: pair.key });
    }
  }

  #noteXattr(ino: Ino, name: ByteString): void {
    let bits = (this.#xattrs.get(ino) ?? 0) | trait.xattrs;
    if (name === accessAclName) bits |= trait.accessAcl;
    else if (name === defaultAclName) bits |= trait.defaultAcl;
    else if (name === capabilityName) bits |= trait.fileCapabilities;
    this.#xattrs.set(ino, bits);
  }

  #isTrueLink({ inode, names }: CheckedInode, linkKey: ByteString): boolean {
    if ((inode.traits & trait.links) === 0) return false;
    const place = placeOfLinkKey(linkKey);
    return names.some((name) => name.parent === place.parent && name.cookie === place.cookie);
  }

  #noteLink(ino: Ino, linkKey: ByteString): void {
    const keys = this.#links.get(ino);
    if (keys === undefined) this.#links.set(ino, new Set([linkKey]));
    else keys.add(linkKey);
  }

  #checkInode(checked: CheckedInode): void {
    const { inode } = checked;
    const { ino, traits } = inode;
    const { report } = this.#state;
    const attributes = this.#xattrs.get(ino) ?? 0;
    const needsLinks = !isDirectory(inode.mode) && checked.names.length > 1 ? trait.links : 0;
    const right = (traits & ~xattrTraits) | attributes | needsLinks;
    if (right !== traits) {
      report(ino, `inode ${ino}: its traits are ${traits}, not ${right}`, {
        kind: 'wrongRecord',
        right: { traits: right },
      });
    }
    if ((right & trait.links) !== 0) this.#checkLinks(checked);
    if (inode.nlink === 0 && checked.names.length === 0 && !this.#orphans.has(ino)) {
      const message = `inode ${ino} has no names and is not marked for removal`;
      report(ino, message, { kind: 'missingMark', key: key.orphan(ino) });
    }
    if (isSymlink(inode.mode)) this.#checkTarget(checked);
    if (hasInlineContent(inode)) this.#checkContent(inode);
  }

  #checkLinks({ inode: { ino }, names }: CheckedInode): void {
    for (const { parent, cookie } of names) {
      const linkKey = key.link(ino, parent, cookie);
      if (this.#links.get(ino)?.has(linkKey)) continue;
      const message = `inode ${ino}: its name in directory ${parent} is not noted with it`;
      this.#state.report(ino, message, { kind: 'missingMark', key: linkKey });
    }
  }

  /** Blocks tell whether there is inline content to look for. */
  #checkContent({ ino, size, blocks }: Inode): void {
    const length = this.#contents.get(ino) ?? 0;
    const right = { size: Math.max(size, length), blocks: Math.ceil(length / 512) };
    if (right.size === size && right.blocks === blocks) return;
    const message = `inode ${ino}: its content has ${length} bytes, its size is ${size}, its blocks are ${blocks}`;
    this.#state.report(ino, message, { kind: 'wrongRecord', right });
  }

  #checkTarget({ inode: { ino, size } }: CheckedInode): void {
    const length = this.#targets.get(ino);
    const { report } = this.#state;
    if (length === undefined) report(ino, `symlink ${ino} has lost its target`, { kind: 'lostTarget' });
    else if (length !== size) {
      report(ino, `symlink ${ino}: its size is ${size}, not ${length}`, {
        kind: 'wrongRecord',
        right: { size: length },
      });
    }
  }
}

function hasInlineContent({ mode, traits }: Inode): boolean {
  return isRegular(mode) && (traits & trait.blob) === 0;
}
