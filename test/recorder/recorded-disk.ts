import { constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { file, rootIno } from '#base';
import type { DiskEvent, Mtime } from './disk-event.ts';
import { RecordedFile } from './recorded-file.ts';
import { RecordedNames } from './recorded-names.ts';
import { type DiskModel, Survival } from './survival.ts';

interface SyncUnderWay {
  readonly began: number;
  readonly ino: number | undefined;
  readonly dataOnly: boolean;
  readonly range: { readonly offset: number; readonly length: number } | undefined;
}

/** What lies on a disk by path, directories before what is in them. */
export type DiskImage = Map<string, ImageFile | 'directory'>;

export interface ImageFile {
  readonly content: Buffer;
  readonly mtime: Mtime;
}

/** Writes an image into the empty directory at `path`. */
export function writeImage(image: DiskImage, path: string): void {
  for (const [name, entry] of image) {
    if (entry === 'directory') mkdirSync(join(path, name));
    else writeFile(join(path, name), entry);
  }
}

function writeFile(path: string, { content, mtime }: ImageFile): void {
  const fd = file.check(file.openAt(file.AT_FDCWD, path, constants.O_CREAT | constants.O_WRONLY, 0o600), 'make', path);
  try {
    for (let at = 0; at < content.length; )
      at += file.check(file.writeSync(fd, content.subarray(at), at), 'write', path);
    file.check(file.setTimes(fd, mtime[0], mtime[1], mtime[0], mtime[1]), 'set times of', path);
  } finally {
    file.closeFd(fd);
  }
}

/** The disk of a recording, played event by event, and what would be left of it if the power were cut. */
export class RecordedDisk {
  readonly #model: DiskModel;
  readonly #names = new RecordedNames();
  readonly #files = new Map<number, RecordedFile>();
  readonly #directories = new Set<number>([rootIno]);
  readonly #syncs = new Map<number, SyncUnderWay>();
  #played = 0;

  constructor(model: DiskModel) {
    this.#model = model;
  }

  /** Plays the events before `end` that were not played yet. */
  playUntil(events: readonly DiskEvent[], end: number): void {
    for (; this.#played < end; this.#played += 1) this.#play(this.#played, events[this.#played]!);
  }

  /** What is left after a power cut now. */
  afterCut(seed: number): DiskImage {
    const survival = new Survival(this.#model, seed);
    const names = this.#names.afterCut(survival);
    const image: DiskImage = new Map();
    const add = (path: string, ino: number): void => {
      if (!this.#directories.has(ino)) {
        const { content, mtime } = this.#file(ino).afterCut(survival);
        image.set(path, { content: content.read(0, content.size), mtime });
        return;
      }
      if (path !== '') image.set(path, 'directory');
      for (const [name, child] of names.get(ino) ?? []) add(join(path, name), child);
    };
    add('', rootIno);
    return image;
  }

  #play(at: number, event: DiskEvent): void {
    switch (event.kind) {
      case 'make':
        if (event.isDirectory) this.#directories.add(event.ino);
        this.#names.change(at, { directory: event.parent, name: event.name, ino: event.ino });
        break;
      case 'link':
        this.#names.change(at, { directory: event.parent, name: event.name, ino: event.ino });
        break;
      case 'unlink':
        this.#names.change(at, { directory: event.parent, name: event.name, ino: undefined });
        break;
      case 'rename':
        this.#names.change(
          at,
          { directory: event.parent, name: event.name, ino: undefined },
          { directory: event.newParent, name: event.newName, ino: event.ino },
        );
        break;
      case 'write':
      case 'truncate':
      case 'clear':
      case 'touch':
        this.#file(event.ino).change(at, event);
        break;
      case 'syncBegin':
        this.#syncs.set(event.sync, {
          began: at,
          ino: event.ino,
          dataOnly: event.dataOnly === true,
          range: event.range,
        });
        break;
      case 'syncEnd':
        this.#endSync(event.sync);
        break;
      case 'mark':
        break;
    }
  }

  #endSync(sync: number): void {
    const { began, ino, dataOnly, range } = this.#syncs.get(sync)!;
    this.#syncs.delete(sync);
    const isDirectory = ino !== undefined && this.#directories.has(ino);
    if (ino === undefined || (this.#model === 'journal' && this.#needsJournal(began, ino, dataOnly))) {
      this.#names.sync(began, undefined);
    } else if (isDirectory) this.#names.sync(began, ino);
    if (ino === undefined) for (const each of this.#files.values()) each.sync(began, { dataOnly });
    else if (range !== undefined) this.#file(ino).syncRange(began, range, { dataOnly });
    else if (!isDirectory) this.#file(ino).sync(began, { dataOnly });
  }

  #needsJournal(before: number, ino: number, dataOnly: boolean): boolean {
    return this.#names.concerns(ino, before) || this.#file(ino).needsJournal(before, { dataOnly });
  }

  #file(ino: number): RecordedFile {
    const found = this.#files.get(ino) ?? new RecordedFile();
    this.#files.set(ino, found);
    return found;
  }
}
