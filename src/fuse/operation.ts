import type { Maybe } from '#base';
import type { Reply } from './replies.ts';
import type { NameKind, Request, RequestContext } from './request.ts';

/** A structure's window as the rows use it: placed by the runner, read by the row. */
export interface Arguments {
  at(view: DataView, offset: number): unknown;
}

/** One request of the kernel: how it arrives, what it calls, how its answer looks. */
export interface Operation<A extends Arguments, R> {
  readonly opcode: number;
  readonly name: string;
  /** The window of the structure after the header, and its size; absent when names or nothing follow the header. */
  readonly arguments?: { readonly window: A; readonly bytes: number };
  /** Its size before SETXATTR_EXT. */
  readonly bytesWithoutSetxattrExt?: number;
  /** The names that follow, in order. */
  readonly names?: readonly NameKind[];
  /** The data behind the names is used in place, so a pending call keeps the request's memory. */
  readonly dataInPlace?: true;
  /**
   * What INTERRUPT does to a pending call. `finish`: it runs to its end and that is the answer, but where a server
   * cannot be reached, or does not answer within a moment. Linux gives EINTR from none of these on a local file system:
   * applications take it for a failure. `end`: it ends at once with EINTR.
   */
  readonly interrupt: 'finish' | 'end';
  /** `arguments.window` lies over the request now; neither it nor `request` may be looked at after an await. */
  call(request: Request, args: A): Maybe<R>;
  /** `none`: the kernel waits for no answer, and must not get one. */
  readonly reply: Reply<R> | 'none';
  /** The kernel did not take the answer (its caller is gone): it will never give back what the answer lent. */
  undo?(context: RequestContext, result: R): Maybe<void>;
}

/** A request that is answered with ENOSYS on purpose: the kernel then does the right thing by itself, for good. */
export interface RefusedOperation {
  readonly opcode: number;
  readonly name: string;
  readonly refused: string;
}

// biome-ignore lint/suspicious/noExplicitAny: each row fits its own types together; the table forgets them.
export type AnyOperation = Operation<any, any>;

/** Lets a row infer and check its types before the table forgets them. */
export function operation<R, A extends Arguments = never>(row: Operation<A, R>): AnyOperation {
  return row;
}
