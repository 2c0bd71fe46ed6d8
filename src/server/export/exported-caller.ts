import type { Caller } from '#protocol';
import type { Export } from '#security';

/** Whoever a call of the client is made as on the volume: squashed, then mapped. Never one who was checked already. */
export function exportedCaller(caller: Caller, granted: Export): Caller {
  const { squash, uids, gids } = granted;
  if (squash === 'all') return new Anonymous(granted);
  if (squash === 'none' && uids.isIdentity && gids.isIdentity) return caller.checked ? unchecked(caller) : caller;
  return new ExportedCaller(caller, granted);
}

/** What its own kernel decided counts nothing here. */
function unchecked(caller: Caller): Caller {
  return {
    uid: caller.uid,
    gid: caller.gid,
    checked: false,
    ...(caller.identity === undefined ? {} : { identity: caller.identity }),
    inGroup: (gid) => caller.inGroup(gid),
    groups: () => caller.groups?.() ?? [],
    capable: (capability) => caller.capable(capability),
  };
}

/** Everybody, under `all_squash`. */
class Anonymous implements Caller {
  readonly uid: number;
  readonly gid: number;
  readonly checked = false;
  readonly identity = 'known';

  constructor({ anonUid, anonGid }: Export) {
    this.uid = anonUid;
    this.gid = anonGid;
  }

  inGroup(gid: number): boolean {
    return gid === this.gid;
  }

  groups(): readonly number[] {
    return [];
  }

  capable(): boolean {
    return false;
  }
}

class ExportedCaller implements Caller {
  readonly uid: number;
  readonly gid: number;
  readonly checked = false;
  readonly #caller: Caller;
  readonly #granted: Export;

  constructor(caller: Caller, granted: Export) {
    this.#caller = caller;
    this.#granted = granted;
    const isSquashedRoot = granted.squash === 'root' && caller.uid === 0;
    this.uid = (isSquashedRoot ? undefined : granted.uids.toLocal(caller.uid)) ?? granted.anonUid;
    this.gid = this.#local(caller.gid) ?? granted.anonGid;
  }

  get identity(): 'known' | 'unknown' {
    return this.#caller.identity ?? 'known';
  }

  inGroup(gid: number): boolean {
    if (gid === this.gid) return true;
    const remote = this.#granted.gids.toRemote(gid);
    if (remote === undefined || (this.#granted.squash === 'root' && remote === 0)) return false;
    return this.#caller.inGroup(remote);
  }

  groups(): readonly number[] {
    return (this.#caller.groups?.() ?? []).flatMap((remote) => this.#local(remote) ?? []);
  }

  /** A client whose root counts nothing cannot make itself mighty by another name either. */
  capable(capability: number): boolean {
    return this.#granted.squash === 'none' && this.#caller.capable(capability);
  }

  #local(remote: number): number | undefined {
    if (this.#granted.squash === 'root' && remote === 0) return undefined;
    return this.#granted.gids.toLocal(remote);
  }
}
