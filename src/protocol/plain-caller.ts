import { fail } from '#base';
import type { Caller } from './caller.ts';

/** A caller as it leaves its process: data alone, nothing to look up any more. */
export interface PlainCaller {
  readonly uid: number;
  readonly gid: number;
  readonly checked: boolean;
  /** `unknown`: groups and capabilities were not looked up; a decision that needs them fails with `needsIdentity`. */
  readonly identity: 'known' | 'unknown';
  readonly groups: readonly number[];
  /** Bit n: the capability with number n (`CAP_*`) is effective. */
  readonly capabilities: number;
}

/** Linux has 41 capabilities (CAP_LAST_CAP is 40); one per bit stays below 2^53. */
const capabilityCount = 41;

/**
 * With `known`, asks for all that the receiver may ask: where groups and capabilities are looked up only now, this is
 * where that happens. With `unknown` nothing is looked up.
 */
export function toPlainCaller(caller: Caller, identity: 'known' | 'unknown'): PlainCaller {
  const { uid, gid, checked } = caller;
  if (identity === 'unknown') return { uid, gid, checked, identity, groups: [], capabilities: 0 };
  let capabilities = 0;
  for (let number = 0; number < capabilityCount; number++) {
    if (caller.capable(number)) capabilities += 2 ** number;
  }
  return { uid, gid, checked, identity, groups: caller.groups?.() ?? [], capabilities };
}

export function fromPlainCaller(plain: PlainCaller): Caller {
  const { uid, gid, checked, identity, groups, capabilities } = plain;
  if (identity === 'unknown') return new UnknownCaller(uid, gid, checked);
  return {
    uid,
    gid,
    checked,
    identity,
    groups: () => groups,
    inGroup: (group) => group === gid || groups.includes(group),
    capable: (number) => Math.floor(capabilities / 2 ** number) % 2 === 1,
  };
}

/** Somebody of whom only the ids have been told. */
class UnknownCaller implements Caller {
  readonly uid: number;
  readonly gid: number;
  readonly checked: boolean;
  readonly identity = 'unknown';

  constructor(uid: number, gid: number, checked: boolean) {
    this.uid = uid;
    this.gid = gid;
    this.checked = checked;
  }

  inGroup(gid: number): boolean {
    return gid === this.gid || this.#ask();
  }

  groups(): readonly number[] {
    return this.#ask();
  }

  capable(_capability: number): boolean {
    return this.#ask();
  }

  #ask(): never {
    fail('needsIdentity', `the groups and capabilities of user ${this.uid} decide, and were not sent`);
  }
}
