import assert from 'node:assert/strict';
import { below, FsError, type Ino, type Maybe, rootIno, type SeededRandom } from '#base';
import {
  type Answer,
  type Attributes,
  type CallName,
  leases,
  O_TRUNC,
  O_WRONLY,
  type ReplyOf,
  type RequestOf,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  superuser,
} from '#protocol';
import { dentrySlot } from '../meta/dentry.ts';
import { getInode, shownAttributes } from '../meta/inode.ts';
import type { ServedVolume } from '../open-volume.ts';

const { attr, entries, read } = leases;
const names = ['a', 'b', 'c'];
/** The first steps only look. */
const lookingSteps = 4;

/** What a client remembers of an inode while it holds the leases. */
interface Belief {
  attributes: Attributes | undefined;
  serial: number;
  readonly names: Map<string, { ino: Ino | undefined; serial: number }>;
  content: string | undefined;
  /** Of the last own change of the content: what was read before it is not believed. */
  changedAt: number;
}

/** A client that knows what it was granted. */
export interface LeasedClient {
  readonly host: string;
  /** Called with what ends. */
  onRecall: (ino: Ino, kinds: number) => void;
  call<N extends CallName>(name: N, request: RequestOf<N>): Promise<Answer<ReplyOf<N>>>;
  holds(ino: Ino, kinds: number): boolean;
}

/** A client that believes what its leases cover, and does one random thing after the other. */
export class Believer {
  readonly client: LeasedClient;
  readonly beliefs = new Map<Ino, Belief>();
  readonly #known = new Set<Ino>([rootIno]);
  readonly #random: SeededRandom;
  successes = 0;
  /** Own changes under way: what they touch may be changed already. */
  changing = 0;

  constructor(client: LeasedClient, random: SeededRandom) {
    this.client = client;
    this.#random = random;
    client.onRecall = (ino, kinds) => this.#forget(ino, kinds);
  }

  async step(): Promise<void> {
    const index = below(this.#random, this.#steps.length);
    const isChange = index >= lookingSteps;
    if (isChange) this.changing += 1;
    try {
      await this.#steps[index]!();
      this.successes += 1;
    } catch (error) {
      // A name that is gone or taken, a directory where a file is asked for.
      assert(error instanceof FsError, String(error));
    } finally {
      if (isChange) this.changing -= 1;
    }
  }

  readonly #steps: (() => Promise<void>)[] = [
    async () => {
      const [parent, name] = [this.#ino(), this.#name()];
      const answer = await this.client.call('lookup', { caller: superuser, parent, name });
      this.#learn(answer, answer.reply);
      this.#learnName(answer, parent, name, answer.reply?.ino);
    },
    async () => {
      const answer = await this.client.call('getattr', { ino: this.#ino() });
      this.#learn(answer, answer.reply);
    },
    async () => {
      const ino = this.#ino();
      const answer = await this.client.call('readdir', { ino, cookie: 0, limit: 100, withAttributes: true });
      this.#learn(answer, undefined);
      for (const { name, ino: child, attributes } of answer.reply) {
        if (attributes !== undefined) this.#learnAttributes(answer, attributes);
        this.#learnName(answer, ino, name, child);
      }
      for (const name of names) {
        if (!answer.reply.some((entry) => entry.name === name)) this.#learnName(answer, ino, name, undefined);
      }
    },
    async () => {
      const ino = this.#ino();
      const answer = await this.client.call('read', { ino, offset: 0, length: 100, noAtime: false });
      this.#learn(answer, undefined);
      if (!this.client.holds(ino, read.bit) || !this.#isGranted(answer, ino, read.bit)) return;
      if (answer.serial >= this.#of(ino).changedAt) {
        this.#of(ino).content = Buffer.from(answer.reply).toString('latin1');
      }
    },
    () => this.#make(S_IFREG | 0o644),
    () => this.#make(S_IFDIR | 0o755),
    async () => {
      const [parent, name] = [this.#ino(), this.#name()];
      const answer = await this.client.call('unlink', { caller: superuser, parent, name });
      this.#changed(answer, parent, name, undefined);
    },
    async () => {
      const [parent, name] = [this.#ino(), this.#name()];
      const answer = await this.client.call('rmdir', { caller: superuser, parent, name });
      this.#changed(answer, parent, name, undefined);
    },
    async () => {
      const [from, to] = [this.#ino(), this.#ino()];
      const [name, newName] = [this.#name(), this.#name()];
      this.beliefs.get(from)?.names.delete(name);
      this.beliefs.get(to)?.names.delete(newName);
      const answer = await this.client.call('rename', {
        ...{ caller: superuser, parent: from, name, newParent: to, newName, flags: 0 },
      });
      for (const [parent, each] of [
        [from, name],
        [to, newName],
      ] as const)
        this.beliefs.get(parent)?.names.delete(each);
      this.#learn(answer, undefined);
    },
    async () => {
      const [ino, parent, name] = [this.#ino(), this.#ino(), this.#name()];
      const answer = await this.client.call('link', { caller: superuser, ino, parent, name });
      this.#changed(answer, parent, name, ino);
      this.#learn(answer, answer.reply);
    },
    async () => {
      const answer = await this.client.call('setattr', {
        ...{ caller: superuser, ino: this.#ino(), changes: { mode: 0o600 + below(this.#random, 64) } },
      });
      this.#learn(answer, answer.reply);
    },
    () =>
      this.#writing(async (ino) =>
        this.client.call('write', {
          ...{ ino, offset: below(this.#random, 5), data: Buffer.from(`${below(this.#random, 1000)}`) },
          ...{ append: false, killPrivileges: false, sync: false },
        }),
      ),
    () =>
      this.#writing(async (ino) =>
        this.client.call('setattr', { caller: superuser, ino, changes: { size: below(this.#random, 5) } }),
      ),
    () =>
      this.#writing(async (ino) => {
        const answer = await this.client.call('open', {
          ...{ caller: superuser, ino, flags: O_WRONLY | O_TRUNC, killPrivileges: false },
        });
        await this.client.call('release', { ino, count: 1 });
        return answer;
      }),
  ];

  async #make(mode: number): Promise<void> {
    const [parent, name] = [this.#ino(), this.#name()];
    const request = { caller: superuser, parent, name, mode, umask: 0, rdev: 0, target: '', open: false };
    const answer = await this.client.call('make', request);
    this.#known.add(answer.reply.ino);
    this.#changed(answer, parent, name, answer.reply.ino);
    this.#learn(answer, answer.reply);
  }

  async #writing(body: (ino: Ino) => Promise<Answer<unknown>>): Promise<void> {
    const ino = this.#ino();
    this.#of(ino).content = undefined;
    const answer = await body(ino);
    const belief = this.#of(ino);
    belief.content = undefined;
    belief.changedAt = Math.max(belief.changedAt, answer.serial);
    this.#learn(answer, shownBy(answer.reply));
  }

  #changed(answer: Answer<unknown>, parent: Ino, name: string, ino: Ino | undefined): void {
    this.#learn(answer, undefined);
    const known = this.beliefs.get(parent)?.names.get(name);
    if (known !== undefined && known.serial < answer.serial) this.beliefs.get(parent)!.names.delete(name);
    this.#learnName(answer, parent, name, ino);
  }

  #learn({ also, serial, ...rest }: Answer<unknown>, shown: Attributes | undefined): void {
    for (const attributes of shown === undefined ? also : [shown, ...also]) {
      this.#known.add(attributes.ino);
      this.#learnAttributes({ also, serial, ...rest }, attributes);
    }
  }

  /** Believed only if this answer brought the lease; a later value of what is held replaces an earlier one. */
  #learnAttributes(answer: Answer<unknown>, attributes: Attributes): void {
    const { ino } = attributes;
    this.#known.add(ino);
    const known = this.beliefs.get(ino);
    if (!this.client.holds(ino, attr.bit)) return;
    if (!this.#isGranted(answer, ino, attr.bit) && known?.attributes === undefined) return;
    if (known?.attributes !== undefined && known.serial > answer.serial) return;
    const belief = this.#of(ino);
    belief.attributes = attributes;
    belief.serial = answer.serial;
  }

  #learnName(answer: Answer<unknown>, parent: Ino, name: string, ino: Ino | undefined): void {
    if (!this.client.holds(parent, entries.bit) || !this.#isGranted(answer, parent, entries.bit)) return;
    const belief = this.#of(parent);
    if ((belief.names.get(name)?.serial ?? -1) <= answer.serial) belief.names.set(name, { ino, serial: answer.serial });
  }

  #isGranted({ grants }: Answer<unknown>, ino: Ino, kind: number): boolean {
    return grants.some((grant) => grant.ino === ino && (grant.kinds & kind) !== 0);
  }

  #of(ino: Ino): Belief {
    let belief = this.beliefs.get(ino);
    if (belief === undefined) {
      belief = { attributes: undefined, serial: 0, names: new Map(), content: undefined, changedAt: 0 };
      this.beliefs.set(ino, belief);
    }
    return belief;
  }

  /** Nothing is leased any more. */
  forgetAll(): void {
    this.beliefs.clear();
  }

  #forget(ino: Ino, kinds: number): void {
    const belief = this.beliefs.get(ino);
    if (belief === undefined) return;
    if ((kinds & attr.bit) !== 0) belief.attributes = undefined;
    if ((kinds & entries.bit) !== 0) belief.names.clear();
    if ((kinds & read.bit) !== 0) belief.content = undefined;
  }

  #ino(): Ino {
    const known = [...this.#known];
    return known[below(this.#random, known.length)]!;
  }

  #name(): string {
    return names[below(this.#random, names.length)]!;
  }
}

/** The attributes in the reply of a change of content. */
function shownBy(reply: unknown): Attributes | undefined {
  if (typeof reply !== 'object' || reply === null) return;
  if ('attributes' in reply) return reply.attributes as Attributes;
  return 'ino' in reply ? (reply as Attributes) : undefined;
}

const withoutAtime = ({ atimeSec: _sec, atimeNsec: _nsec, ...rest }: Attributes) => rest;

/**
 * Whatever a client believes is so on the server at this moment, as far as that can be told at once. Returns how many
 * beliefs were compared.
 */
export function requireTrue(volume: ServedVolume, { client, beliefs, changing }: Believer, what: string): number {
  if (changing > 0) return 0;
  let count = 0;
  for (const [ino, belief] of beliefs) {
    const inode = atOnce(volume.store.read((snapshot) => getInode(snapshot, ino)));
    if (inode !== undefined) {
      if (belief.attributes !== undefined) {
        const shown = withoutAtime(shownAttributes(volume, inode));
        assert.deepEqual(withoutAtime(belief.attributes), shown, `${what}: inode ${ino} at ${client.host}`);
        count += 1;
      }
      if (belief.content !== undefined && (inode.mode & S_IFMT) === S_IFREG) {
        assert.equal(belief.content.length, inode.size, `${what}: content of ${ino} at ${client.host}`);
        count += 1;
      }
    }
    for (const [name, known] of belief.names) {
      const meant = atOnce(volume.store.read((snapshot) => ({ slot: dentrySlot(snapshot, volume, ino, name) })));
      if (meant === undefined) continue;
      assert.equal(known.ino, meant.slot.entry?.ino, `${what}: ${name} in ${ino} at ${client.host}`);
      count += 1;
    }
  }
  return count;
}

/** A later answer would be of a later moment. */
function atOnce<T>(answer: Maybe<T>): T | undefined {
  if (!(answer instanceof Promise)) return answer;
  answer.catch(() => undefined);
  return undefined;
}
