import assert from 'node:assert/strict';
import type { Handle, Ino, Maybe } from '#base';
import { EmbeddedClient } from '#client';
import { type Caller, O_APPEND, superuser } from '#protocol';
import { type BlobStore, createHandler, localFilesOf, type ServedVolume } from '#server';
import { InProcessConnection } from '#transport';
import { type CreatedFile, type CreateFacts, embeddedVfsOptions, type OpenedFile, Vfs } from '#vfs';

/** A file that the kernel reads and writes by itself. */
interface PassedFile {
  readonly ino: Ino;
  readonly appends: boolean;
}

/** Registers whatever it is given, as the kernel does for root. */
const registry = { open: (fd: number): number => fd, close: (): void => undefined };

/**
 * A mount whose kernel has passthrough: what goes through such handles reaches the blob, and the vfs hears nothing of
 * it. A write that must take setuid away asks the vfs for that first.
 */
export class PassthroughVfs extends Vfs {
  readonly #blobs: BlobStore;
  readonly #passed = new Map<Handle, PassedFile>();

  constructor(volume: ServedVolume, handler = createHandler(volume)) {
    super(new EmbeddedClient(new InProcessConnection(handler), localFilesOf(volume)), embeddedVfsOptions, registry);
    this.#blobs = volume.blobs;
  }

  override async open(caller: Caller, ino: Ino, flags: number, killPrivileges: boolean): Promise<OpenedFile> {
    return this.#opened(ino, await super.open(caller, ino, flags, killPrivileges), flags);
  }

  override async create(caller: Caller, parent: Ino, name: string, facts: CreateFacts): Promise<CreatedFile> {
    const made = await super.create(caller, parent, name, facts);
    this.#opened(made.entry.attributes.ino, made.file, facts.flags);
    return made;
  }

  override async tmpfile(caller: Caller, parent: Ino, facts: CreateFacts): Promise<CreatedFile> {
    const made = await super.tmpfile(caller, parent, facts);
    this.#opened(made.entry.attributes.ino, made.file, facts.flags);
    return made;
  }

  override read(handle: Handle, offset: number, length: number): Maybe<Uint8Array> {
    const file = this.#passed.get(handle);
    return file === undefined ? super.read(handle, offset, length) : this.#blobs.read(file.ino, offset, length);
  }

  override write(handle: Handle, offset: number, data: Uint8Array, killFor: Caller | false): Maybe<number> {
    const file = this.#passed.get(handle);
    return file === undefined
      ? super.write(handle, offset, data, killFor)
      : this.#writePassed(file, offset, data, killFor !== false);
  }

  override release(handle: Handle): Maybe<void> {
    this.#passed.delete(handle);
    return super.release(handle);
  }

  #opened(ino: Ino, file: OpenedFile, flags: number): OpenedFile {
    if (file.mode === 'passthrough') this.#passed.set(file.handle, { ino, appends: (flags & O_APPEND) !== 0 });
    assert(file.mode !== 'passthrough' || file.backingId > 0);
    return file;
  }

  async #writePassed(file: PassedFile, offset: number, data: Uint8Array, killPrivileges: boolean): Promise<number> {
    const { ino, appends } = file;
    if (killPrivileges) await this.setattr(superuser, ino, { killPrivileges });
    return this.#blobs.write(ino, appends ? (await this.#blobs.stat(ino)).size : offset, data);
  }
}
