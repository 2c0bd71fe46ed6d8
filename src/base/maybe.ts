/** A value that is there already, or a promise of it: what lets an answer from memory cost a plain call. */
export type Maybe<T> = T | Promise<T>;

/** Goes on with `next` now when `value` is there, else when it arrives. */
export function chain<T, U>(value: Maybe<T>, next: (value: T) => Maybe<U>): Maybe<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
