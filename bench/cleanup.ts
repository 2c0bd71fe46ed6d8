/**
 * What the benchmark has to take back: mounts, temporary directories, processes. Undone in reverse order when the
 * owner is done with them, and all at once when the run fails or is interrupted.
 */

export type Undo = () => Promise<void> | void;

export class Cleanup {
  readonly #pending: { label: string; undo: Undo }[] = [];

  /** Registers `undo` and returns the function that runs it, once, however often it is called. */
  defer(label: string, undo: Undo): () => Promise<void> {
    const entry = { label, undo };
    this.#pending.push(entry);
    return async () => {
      const index = this.#pending.indexOf(entry);
      if (index < 0) return;
      this.#pending.splice(index, 1);
      await undo();
    };
  }

  /** Runs what is left, newest first. One failure is printed and does not keep the rest from being undone. */
  async runAll(): Promise<void> {
    for (let entry = this.#pending.pop(); entry !== undefined; entry = this.#pending.pop()) {
      try {
        await entry.undo();
      } catch (error) {
        process.stderr.write(`bench: could not undo "${entry.label}": ${String(error)}\n`);
      }
    }
  }
}
