import type { Caller } from '#protocol';

/** Reads the credentials of a thread: `readCredentials` of the addon. */
export type CredentialsReader = (tid: number, out: Uint32Array) => number;

/** What all callers of a mount share. */
export interface CallerContext {
  /** The kernel checks permissions (`default_permissions`). */
  readonly checked: boolean;
  readonly readCredentials: CredentialsReader;
}

/** Where `readCredentials` puts what it found. */
const field = { capabilitiesLow: 0, capabilitiesHigh: 1, inOurUserNamespace: 2, groupCount: 3, groups: 4 } as const;
const scratch = new Uint32Array(4 + 1024);
const none = new Uint32Array(4);

/**
 * Who a request comes from. The kernel sends fsuid, fsgid and the thread's id; the supplementary groups and the
 * capabilities are read from /proc when a decision asks for them, once per request. While its request is unanswered
 * the thread waits, so what is read is its own.
 */
export class RequestCaller implements Caller {
  readonly uid: number;
  readonly gid: number;
  readonly checked: boolean;
  readonly #tid: number;
  /** The group that the kernel sent along (CREATE_SUPP_GROUP), or -1. */
  readonly #sentGroup: number;
  readonly #context: CallerContext;
  #credentials: Uint32Array | undefined;

  constructor(context: CallerContext, ids: { uid: number; gid: number; tid: number; sentGroup: number }) {
    this.uid = ids.uid;
    this.gid = ids.gid;
    this.checked = context.checked;
    this.#tid = ids.tid;
    this.#sentGroup = ids.sentGroup;
    this.#context = context;
  }

  inGroup(gid: number): boolean {
    if (gid === this.gid || gid === this.#sentGroup) return true;
    const credentials = this.#read();
    const end = field.groups + credentials[field.groupCount]!;
    for (let index = field.groups; index < end; index += 1) if (credentials[index] === gid) return true;
    return false;
  }

  groups(): readonly number[] {
    const credentials = this.#read();
    const groups = Array.from(credentials.subarray(field.groups, field.groups + credentials[field.groupCount]!));
    return this.#sentGroup >= 0 && !groups.includes(this.#sentGroup) ? [...groups, this.#sentGroup] : groups;
  }

  capable(capability: number): boolean {
    const credentials = this.#read();
    // Capabilities of another user namespace do not reach this mount's inodes.
    if (credentials[field.inOurUserNamespace] !== 1) return false;
    const word = credentials[capability < 32 ? field.capabilitiesLow : field.capabilitiesHigh]!;
    return ((word >>> (capability & 31)) & 1) === 1;
  }

  /** Of a thread that cannot be seen from here (thread 0, or gone) nothing is known, so nothing more is allowed. */
  #read(): Uint32Array {
    if (this.#credentials !== undefined) return this.#credentials;
    const failed = this.#tid === 0 || this.#context.readCredentials(this.#tid, scratch) < 0;
    this.#credentials = failed ? none : scratch.slice(0, field.groups + scratch[field.groupCount]!);
    return this.#credentials;
  }
}
