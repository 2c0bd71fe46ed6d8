import { strict as assert } from 'node:assert';
import type { Caller } from './caller.ts';
import { fromPlainCaller, toPlainCaller } from './plain-caller.ts';

/**
 * A request or reply as it arrives at another process: equal, with no memory in common. What no encoding could carry
 * (a function, an instance of a class) is a mistake and dies here; a caller travels as data and is one again.
 */
export function copyMessage(message: unknown): unknown {
  if (typeof message !== 'object' || message === null) {
    assert(typeof message !== 'function' && typeof message !== 'symbol', `a message holds a ${typeof message}`);
    return message;
  }
  if (message instanceof Uint8Array) return Uint8Array.prototype.slice.call(message);
  if (Array.isArray(message)) return message.map(copyMessage);
  assert(Object.getPrototypeOf(message) === Object.prototype, `a message holds a ${message.constructor?.name}`);
  const copy: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(message)) {
    copy[field] = field === 'caller' ? fromPlainCaller(toPlainCaller(value as Caller)) : copyMessage(value);
  }
  return copy;
}
