import { FsError, type Ino, rootIno, SystemClock, SystemRandom } from '#base';
import { type Client, EmbeddedClient } from '#client';
import { type Attributes, O_RDONLY, superuser } from '#protocol';
import { createHandler, openLocalVolume } from '#server';
import { InProcessConnection } from '#transport';

const listedAtOnce = 1000;

/** The machine of this process, for whoever opens a store in it. */
export const machine = { clock: new SystemClock(), random: new SystemRandom() };

/** The volume of a store, looked at in this process without a mount. */
export class StoredVolume {
  readonly client: Client;
  readonly close: () => Promise<void>;

  private constructor(client: Client, close: () => Promise<void>) {
    this.client = client;
    this.close = close;
  }

  /** Opens the store as a mount would, recovery included. */
  static async open(path: string): Promise<StoredVolume> {
    const { volume, close } = await openLocalVolume(path, machine);
    return new StoredVolume(new EmbeddedClient(new InProcessConnection(createHandler(volume)), undefined), close);
  }

  async find(path: string): Promise<Attributes | undefined> {
    let found: Attributes | undefined = await this.client.call('getattr', { ino: rootIno });
    for (const name of path.split('/').filter((part) => part !== '')) {
      if (found === undefined) return undefined;
      found = await this.client.call('lookup', { caller: superuser, parent: found.ino, name });
    }
    return found;
  }

  async list(ino: Ino): Promise<{ name: string; ino: Ino }[]> {
    const entries: { name: string; ino: Ino }[] = [];
    for (let cookie = 0; ; ) {
      const more = await this.client.call('readdir', { ino, cookie, limit: listedAtOnce, withAttributes: false });
      entries.push(...more);
      if (more.length < listedAtOnce) return entries;
      cookie = more.at(-1)!.cookie;
    }
  }

  /** All of a file. */
  async read(ino: Ino): Promise<Buffer> {
    const request = { caller: superuser, ino, flags: O_RDONLY, killPrivileges: false };
    const { attributes } = await this.client.call('open', request);
    const bytes = await this.client.call('read', { ino, offset: 0, length: attributes.size, noAtime: true });
    await this.client.call('release', { ino, count: 1 });
    return Buffer.from(bytes);
  }

  async readlink(ino: Ino): Promise<string> {
    return this.client.call('readlink', { ino });
  }

  /** The value of an extended attribute, empty when there is none. */
  async xattr(ino: Ino, name: string): Promise<string> {
    try {
      return Buffer.from(await this.client.call('getxattr', { caller: superuser, ino, name })).toString();
    } catch (error) {
      if (error instanceof FsError && error.status === 'noData') return '';
      throw error;
    }
  }
}
