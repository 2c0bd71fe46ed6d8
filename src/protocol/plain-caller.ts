import type { Caller } from './caller.ts';

/** A caller as it leaves its process: data alone, nothing to look up any more. */
export interface PlainCaller {
  readonly uid: number;
  readonly gid: number;
  readonly checked: boolean;
  readonly groups: readonly number[];
  /** Bit n: the capability with number n (`CAP_*`) is effective. */
  readonly capabilities: number;
}

/** Linux has 41 capabilities (CAP_LAST_CAP is 40); one per bit stays below 2^53. */
const capabilityCount = 41;

/** Asks for all that the receiver may ask: where groups are looked up only now, this is where that happens. */
export function toPlainCaller(caller: Caller): PlainCaller {
  let capabilities = 0;
  for (let number = 0; number < capabilityCount; number++) {
    if (caller.capable(number)) capabilities += 2 ** number;
  }
  const { uid, gid, checked } = caller;
  return { uid, gid, checked, groups: caller.groups?.() ?? [], capabilities };
}

export function fromPlainCaller(plain: PlainCaller): Caller {
  const { uid, gid, checked, groups, capabilities } = plain;
  return {
    uid,
    gid,
    checked,
    groups: () => groups,
    inGroup: (group) => group === gid || groups.includes(group),
    capable: (number) => Math.floor(capabilities / 2 ** number) % 2 === 1,
  };
}
