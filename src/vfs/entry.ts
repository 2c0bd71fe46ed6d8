import type { ByteString, Ino } from '#base';
import type { Attributes } from '#protocol';
import type { Validity } from './validity.ts';

/** An inode as it is handed to the kernel: its attributes, and how long they and the name may be believed. */
export interface Entry {
  readonly attributes: Attributes;
  readonly attributesValidMs: number;
  readonly entryValidMs: number;
}

/** An absent name, and how long the kernel may believe that it is. */
export interface Absence {
  readonly attributes: undefined;
  readonly entryValidMs: number;
}

/** In a shared volume, what may be believed is known only in the step that writes the reply: so it is asked then. */
export class LeasedEntry implements Entry {
  readonly attributes: Attributes;
  readonly #validity: Validity;
  readonly #parent: Ino;
  readonly #name: ByteString;

  constructor(validity: Validity, attributes: Attributes, parent: Ino, name: ByteString) {
    this.#validity = validity;
    this.attributes = attributes;
    this.#parent = parent;
    this.#name = name;
  }

  get attributesValidMs(): number {
    return this.#validity.attributesMs(this.attributes);
  }

  get entryValidMs(): number {
    return this.#validity.nameMs(this.#parent, this.#name, this.attributes.ino);
  }
}

/** The same for attributes alone. */
export class LeasedAttributes implements Entry {
  readonly attributes: Attributes;
  readonly entryValidMs = 0;
  readonly #validity: Validity;

  constructor(validity: Validity, attributes: Attributes) {
    this.#validity = validity;
    this.attributes = attributes;
  }

  get attributesValidMs(): number {
    return this.#validity.attributesMs(this.attributes);
  }
}

/** The same for an absent name. */
export class LeasedAbsence implements Absence {
  readonly attributes = undefined;
  readonly #validity: Validity;
  readonly #parent: Ino;
  readonly #name: ByteString;

  constructor(validity: Validity, parent: Ino, name: ByteString) {
    this.#validity = validity;
    this.#parent = parent;
    this.#name = name;
  }

  get entryValidMs(): number {
    return this.#validity.nameMs(this.#parent, this.#name, undefined);
  }
}
