import type { ByteString, Ino } from '#base';
import type { Attributes } from '#protocol';

/**
 * How long the kernel may believe what it is told, in a mount that is not alone. Asked in the step that writes the
 * reply: what was recalled after the answer was prepared is 0.
 */
export interface Validity {
  /** Milliseconds; 0 unless these very attributes are covered now. */
  attributesMs(attributes: Attributes): number;
  /** Milliseconds that `name` may be believed to mean `ino`, or nothing. */
  nameMs(parent: Ino, name: ByteString, ino: Ino | undefined): number;
}
