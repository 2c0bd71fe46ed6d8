import { statSync } from 'node:fs';
import type { Clock, Timer } from '#base';
import type { TlsFiles } from '#security';

/** How soon a new certificate or list of revocations counts. */
const lookEveryMs = 5000;

/** Calls `changed` after one of the files was replaced. */
export class TlsWatch {
  readonly #files: readonly string[];
  readonly #clock: Clock;
  readonly #changed: () => void;
  #seen: string;
  #timer: Timer | undefined;

  constructor(files: TlsFiles, clock: Clock, changed: () => void) {
    this.#files = Object.values(files) as string[];
    this.#clock = clock;
    this.#changed = changed;
    this.#seen = this.#look();
    this.#later();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #later(): void {
    this.#timer = this.#clock.after(lookEveryMs, () => {
      const now = this.#look();
      if (now !== this.#seen) {
        this.#seen = now;
        this.#changed();
      }
      this.#later();
    });
  }

  #look(): string {
    return this.#files.map(identityOf).join();
  }
}

function identityOf(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch {
    return 'absent';
  }
}
