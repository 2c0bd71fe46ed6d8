/** POSIX ACLs as the kernel takes them in the attributes system.posix_acl_access and system.posix_acl_default. */

const VERSION = 2;
const NOBODY = 0xffffffff;
const tags = { user: 0x02, group: 0x08, owner: 0x01, owningGroup: 0x04, mask: 0x10, other: 0x20 };

export const ACCESS_ACL = 'system.posix_acl_access';
export const DEFAULT_ACL = 'system.posix_acl_default';

interface AclEntry {
  tag: number;
  permissions: number;
  id: number;
}

/**
 * Encodes the short text form of setfacl(1): `u::rw-,u:7:r--,g::r--,g:8:rwx,m::rw-,o::---`. Entries stay in the order
 * in which they are written.
 */
export function encodeAcl(text: string): Buffer {
  const entries = text.split(',').map(parseEntry);
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(VERSION);
  for (const [index, { tag, permissions, id }] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + index * 8);
    bytes.writeUInt16LE(permissions, 6 + index * 8);
    bytes.writeUInt32LE(id, 8 + index * 8);
  }
  return bytes;
}

/** The reverse of encodeAcl. */
export function decodeAcl(bytes: Buffer): string {
  const entries: string[] = [];
  for (let at = 4; at < bytes.length; at += 8) {
    const tag = bytes.readUInt16LE(at);
    const id = bytes.readUInt32LE(at + 4);
    const letter = { 1: 'u', 2: 'u', 4: 'g', 8: 'g', 16: 'm', 32: 'o' }[tag];
    entries.push(`${letter}:${id === NOBODY ? '' : id}:${formatBits(bytes.readUInt16LE(at + 2))}`);
  }
  return entries.join(',');
}

function parseEntry(text: string): AclEntry {
  const [letter, id = '', bits = ''] = text.split(':');
  const named = id !== '';
  const tag = {
    u: named ? tags.user : tags.owner,
    g: named ? tags.group : tags.owningGroup,
    m: tags.mask,
    o: tags.other,
  }[letter!]!;
  const permissions = (bits.includes('r') ? 4 : 0) | (bits.includes('w') ? 2 : 0) | (bits.includes('x') ? 1 : 0);
  return { tag, permissions, id: named ? Number(id) : NOBODY };
}

function formatBits(permissions: number): string {
  return [permissions & 4 ? 'r' : '-', permissions & 2 ? 'w' : '-', permissions & 1 ? 'x' : '-'].join('');
}
