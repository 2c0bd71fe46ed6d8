import assert from 'node:assert/strict';
import type { Ino, ManualClock, Random } from '#base';
import type { Vfs } from '#vfs';
import { Both } from '../model/both.ts';
import { perform } from '../model/perform.ts';
import type { Step } from '../model/plan.ts';
import { randomStep } from './random-step.ts';

/** A process of an application: one operation after the other, below a directory of its own. */
export class Application {
  readonly both: Both;
  readonly #random: Random;
  readonly #name: string;
  #steps = 0;

  constructor(name: string, vfs: Vfs, directory: { ino: Ino; parent: Ino }, random: Random) {
    this.#name = name;
    this.#random = random;
    this.both = new Both(vfs, directory);
  }

  /** One random operation; fails unless it gives what the model gives. */
  async step(): Promise<void> {
    const drawn = randomStep(this.#random);
    // A restarted server knows nothing of open files without names, so none is made, nor kept open.
    const step: Step = drawn.operation === 'tmpfile' ? { ...drawn, operation: 'list' } : drawn;
    this.#steps += 1;
    try {
      await this.#closeWhatGoes(step);
      await perform(this.both, step);
    } catch (cause) {
      throw new Error(`${this.#name}, step ${this.#steps}: ${JSON.stringify(step)}`, { cause });
    }
  }

  async compareAll(clock: ManualClock): Promise<void> {
    try {
      await this.both.compareAll(clock);
    } catch (cause) {
      throw new Error(`${this.#name}, after ${this.#steps} steps`, { cause });
    }
  }

  async #closeWhatGoes(step: Step): Promise<void> {
    const { both } = this;
    if (step.operation !== 'unlink' && step.operation !== 'rename') return;
    for (let index = both.handles.length - 1; index >= 0; index--) {
      const { node, handle } = both.handles[index]!;
      if (node.nlink > 1) continue;
      both.handles.splice(index, 1);
      both.model.release(node);
      await both.vfs.release(handle);
    }
    assert(both.handles.every(({ node }) => node.nlink > 1));
  }
}
