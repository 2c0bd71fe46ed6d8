import { fail } from '#base';
import type { AttributeChanges, Attributes } from '#protocol';
import {
  ACL_GROUP,
  ACL_USER,
  type AclEntry,
  accessAclName,
  defaultAclName,
  type Export,
  encodeAcl,
  type IdMap,
  nobodyId,
  parseAcl,
} from '#security';

export function isIdMapped({ uids, gids }: Export): boolean {
  return !(uids.isIdentity && gids.isIdentity);
}

/** Attributes as the client sees their owner and group. */
export function showOwners(attributes: Attributes, { uids, gids }: Export): Attributes {
  const uid = uids.toRemote(attributes.uid) ?? nobodyId;
  const gid = gids.toRemote(attributes.gid) ?? nobodyId;
  return { ...attributes, uid, gid };
}

/** The owner and group that the client means. Fails with `invalid` for one that has no id on the volume. */
export function meantOwners(changes: AttributeChanges, { uids, gids }: Export): AttributeChanges {
  const { uid, gid } = changes;
  if (uid === undefined && gid === undefined) return changes;
  return {
    ...changes,
    ...(uid === undefined ? {} : { uid: requireLocal(uids, uid, 'user') }),
    ...(gid === undefined ? {} : { gid: requireLocal(gids, gid, 'group') }),
  };
}

export function isAclName(name: string): boolean {
  return name === accessAclName || name === defaultAclName;
}

/** An ACL as the client sees its users and groups. */
export function showAcl(value: Uint8Array, { uids, gids }: Export): Uint8Array {
  return mapAcl(value, (entry) => {
    if (entry.tag === ACL_USER) return uids.toRemote(entry.id) ?? nobodyId;
    return entry.tag === ACL_GROUP ? (gids.toRemote(entry.id) ?? nobodyId) : entry.id;
  });
}

/** The ACL that the client means. Fails with `invalid` for an entry of somebody who has no id on the volume. */
export function meantAcl(value: Uint8Array, { uids, gids }: Export): Uint8Array {
  return mapAcl(value, (entry) => {
    if (entry.tag === ACL_USER) return requireLocal(uids, entry.id, 'user');
    return entry.tag === ACL_GROUP ? requireLocal(gids, entry.id, 'group') : entry.id;
  });
}

function mapAcl(value: Uint8Array, idOf: (entry: AclEntry) => number): Uint8Array {
  const entries = parseAcl(value);
  // What is no ACL is refused, in its own words, by whoever sets it.
  if (!Array.isArray(entries)) return value;
  return encodeAcl(entries.map((entry) => ({ ...entry, id: idOf(entry) })));
}

function requireLocal(map: IdMap, remote: number, what: 'user' | 'group'): number {
  return map.toLocal(remote) ?? fail('invalid', `${what} ${remote} of this client has no id on the volume`);
}
