import { FsError, type Ino } from '#base';
import { type AttributeChanges, type Attributes, S_IFDIR, S_IFMT, type TimeChange } from '#protocol';
import { Content } from './content.ts';
import type { Mtime } from './disk-event.ts';

/** An inode of the recording file system. */
export class RecordedNode {
  readonly attributes: Attributes;
  readonly content = new Content();
  /** Of a directory: its names, in the order in which they were given, which is the order of listings. */
  readonly names = new Map<string, { node: RecordedNode; cookie: number }>();
  parent: RecordedNode | undefined;
  opens = 0;
  /** The first two are those of "." and "..". */
  #lastCookie = 2;

  constructor(ino: Ino, mode: number) {
    const isDirectory = (mode & S_IFMT) === S_IFDIR;
    this.attributes = { ...blank, ino, mode, nlink: isDirectory ? 2 : 0 };
    const now = wallTime();
    this.#setTime('atime', now);
    this.#setTime('btime', now);
    this.touch(now);
  }

  get ino(): Ino {
    return this.attributes.ino;
  }

  get mtime(): Mtime {
    return [this.attributes.mtimeSec, this.attributes.mtimeNsec];
  }

  get isDirectory(): boolean {
    return (this.attributes.mode & S_IFMT) === S_IFDIR;
  }

  enter(name: string, node: RecordedNode): void {
    this.#lastCookie += 1;
    this.names.set(name, { node, cookie: this.#lastCookie });
    this.touch();
  }

  require(name: string): RecordedNode {
    const found = this.names.get(name);
    if (found === undefined) throw new FsError('notFound', name);
    return found.node;
  }

  /** The content has changed. */
  contentChanged(): void {
    this.attributes.size = this.content.size;
    this.attributes.blocks = Math.ceil(this.content.size / 512);
    this.attributes.dataVersion += 1;
    this.touch();
  }

  touch(now = wallTime()): void {
    this.#setTime('mtime', now);
    this.#setTime('ctime', now);
  }

  /** All that setattr(2) may change but the size. */
  change({ mode, uid, gid, atime, mtime }: AttributeChanges): void {
    const { attributes } = this;
    if (mode !== undefined) attributes.mode = (attributes.mode & S_IFMT) | mode;
    if (uid !== undefined) attributes.uid = uid;
    if (gid !== undefined) attributes.gid = gid;
    if (atime !== undefined) this.#setTime('atime', timeOf(atime));
    if (mtime !== undefined) this.#setTime('mtime', timeOf(mtime));
    this.#setTime('ctime', wallTime());
  }

  #setTime(which: 'atime' | 'mtime' | 'ctime' | 'btime', { sec, nsec }: Time): void {
    this.attributes[`${which}Sec`] = sec;
    this.attributes[`${which}Nsec`] = nsec;
  }
}

interface Time {
  readonly sec: number;
  readonly nsec: number;
}

const timeOf = (change: TimeChange): Time => (change === 'now' ? wallTime() : change);

function wallTime(): Time {
  const ms = performance.timeOrigin + performance.now();
  return { sec: Math.floor(ms / 1000), nsec: Math.floor((ms % 1000) * 1e6) };
}

const blank: Omit<Attributes, 'ino' | 'mode' | 'nlink'> = {
  uid: 0,
  gid: 0,
  rdev: 0,
  size: 0,
  blocks: 0,
  atimeSec: 0,
  atimeNsec: 0,
  mtimeSec: 0,
  mtimeNsec: 0,
  ctimeSec: 0,
  ctimeNsec: 0,
  btimeSec: 0,
  btimeNsec: 0,
  flags: 0,
  dataVersion: 1,
  hasAcl: false,
  hasFileCapabilities: false,
};
