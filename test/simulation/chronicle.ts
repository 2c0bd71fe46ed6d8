import assert from 'node:assert/strict';
import type { Ino, Random } from '#base';
import type { Vfs } from '#vfs';
import { Both } from '../model/both.ts';
import { perform } from '../model/perform.ts';
import type { Node } from '../model/reference-node.ts';
import { randomStep } from './random-step.ts';
import { describeTree, isSameTree, type Tree, treeOfModel } from './tree.ts';

interface Moment {
  readonly tree: Tree;
  /** Of every inode, those without names too. */
  readonly contents: ReadonlyMap<Node, Uint8Array>;
  /** The step that led here: when it began and, unless the crash came first, ended, in steps of all processes. */
  readonly begun: number;
  ended: number | undefined;
}

/** A process of an application and the record of every state that its directory went through. */
export class Chronicle {
  readonly name: string;
  readonly #both: Both;
  readonly #random: Random;
  readonly #moments: Moment[];
  /** All moments up to this one are promised to survive. */
  #promised = 0;
  /** Per file, the moment whose content is promised. */
  readonly #synced = new Map<Node, number>();
  readonly #all: readonly Chronicle[];
  static #now = 0;

  /** `all`: the processes of this life, whose metadata become durable in one order. */
  constructor(name: string, vfs: Vfs, directory: { ino: Ino; parent: Ino }, random: Random, all: readonly Chronicle[]) {
    this.name = name;
    this.#both = new Both(vfs, directory);
    this.#random = random;
    this.#all = all;
    this.#moments = [this.#moment(Chronicle.#now++)];
    this.#moments[0]!.ended = Chronicle.#now++;
  }

  async step(): Promise<void> {
    const step = randomStep(this.#random);
    if (step.operation === 'fsync') return this.#fsync(step.node);
    const begun = Chronicle.#now++;
    const running = perform(this.#both, step);
    // The model has made its change by now, whether or not the crash lets the file system finish its own.
    const moment = this.#moment(begun);
    this.#moments.push(moment);
    try {
      await running;
    } catch (cause) {
      throw new Error(`process ${this.name}: ${JSON.stringify(step)}`, { cause });
    }
    moment.ended = Chronicle.#now++;
  }

  /**
   * The moments that what was found after a crash may be of; fails when the promises allow none. Content that was not
   * synced may be of another moment than the names, and so may its size.
   */
  momentsOf(found: Tree, cut: 'process' | 'power'): number[] {
    const doubts: string[] = [];
    const allowed = this.#moments.flatMap(({ tree }, index) => {
      if (index < this.#promised || !isSameTree(tree, found, 'names')) return [];
      const wrong = this.#wrongContent(found, index);
      if (wrong !== undefined) doubts.push(wrong);
      return wrong === undefined ? [index] : [];
    });
    if (allowed.length > 0) return allowed;
    if (doubts.length > 0) assert.fail(`process ${this.name}, after the ${cut} crash: ${doubts.join('; or ')}`);
    const was = this.#moments.slice(this.#promised).map(({ tree }) => describeTree(tree));
    assert.fail(`process ${this.name}: found\n${describeTree(found)}\nbut it was\n${was.join('\n  -- then --\n')}`);
  }

  /** Whether a crash can have left this process at one moment and the other one at another: both lost the same tail. */
  agrees(moment: number, other: Chronicle, otherMoment: number): boolean {
    return !this.#lostBefore(moment, other, otherMoment) && !other.#lostBefore(otherMoment, this, moment);
  }

  /** Whether a step is lost that had ended before the last one that survived in `other` began. */
  #lostBefore(moment: number, other: Chronicle, otherMoment: number): boolean {
    const lost = this.#moments.find((_, index) => index > moment && this.#changed(index));
    const survived = other.#moments.findLast((_, index) => index <= otherMoment && other.#changed(index));
    return lost?.ended !== undefined && survived !== undefined && lost.ended < survived.begun;
  }

  #changed(index: number): boolean {
    return index > 0 && !isSameTree(this.#moments[index]!.tree, this.#moments[index - 1]!.tree, 'names');
  }

  /** As the model is now. */
  #moment(begun: number): Moment {
    const tree = treeOfModel(this.#both.model);
    const contents = new Map(this.#both.nodes.map((node) => [node, node.content]));
    // What is just being made is not among them yet.
    for (const { node, content } of tree.values()) if (node !== undefined) contents.set(node, content);
    return { tree, contents, begun, ended: undefined };
  }

  async #fsync(pick: number): Promise<void> {
    const files = this.#both.nodes.filter((node) => node.nlink > 0);
    const node = files[pick % files.length]!;
    const promised = this.#all.map((chronicle) => chronicle.#lastEnded());
    const synced = this.#moments.length - 1;
    await this.#both.vfs.fsync(this.#both.ino(node), pick % 2 === 0);
    for (const [index, chronicle] of this.#all.entries()) {
      chronicle.#promised = Math.max(chronicle.#promised, promised[index] ?? 0);
    }
    this.#synced.set(node, synced);
  }

  #lastEnded(): number {
    return this.#moments.findLastIndex(({ ended }) => ended !== undefined);
  }

  /** Each byte must be one that it was since the content was promised, up to what was under way at the crash. */
  #wrongContent(found: Tree, index: number): string | undefined {
    for (const [path, { content }] of found) {
      const { node } = this.#moments[index]!.tree.get(path)!;
      const from = Math.min(this.#synced.get(node!) ?? 0, index);
      const versions = contentsOf(node!, this.#moments.slice(from));
      // Of what was never synced, nothing need be there.
      if (!this.#synced.has(node!)) versions.push(new Uint8Array(0));
      const sizes = versions.map(({ length }) => length);
      if (content.length < Math.min(...sizes) || content.length > Math.max(...sizes)) {
        return `${path} has ${content.length} bytes and had ${sizes.join(', ')}`;
      }
      const wrong = content.findIndex((byte, at) => !versions.some((version) => (version[at] ?? 0) === byte));
      if (wrong >= 0) return `byte ${wrong} of ${path} is ${content[wrong]}, which it never was`;
    }
    return undefined;
  }
}

function contentsOf(node: Node, moments: readonly Moment[]): Uint8Array[] {
  return [...new Set(moments.flatMap(({ contents }) => contents.get(node) ?? []))];
}
