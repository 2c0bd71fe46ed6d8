import { FsError } from '#base';
import { type InitFlag, initFlagNames, initFlags } from './init-flags.table.ts';
import { oldestProtocolMinor, pageBytes, protocolMajor, protocolMinor, sinceMinor } from './numbers.table.ts';

/** What a session asks of its kernel. */
export interface HandshakeOptions {
  /** The largest write, a multiple of 4096 up to 1 MiB. */
  readonly maxWriteBytes: number;
  /** Speaks an older protocol than the kernel's, as if the kernel were that old. */
  readonly protocolMinor: number | undefined;
  /** Lets the kernel check POSIX ACLs. */
  readonly acl: boolean;
  readonly passthrough: boolean;
  /** Extended attributes; off, the kernel answers for them, and there are no ACLs and file capabilities. */
  readonly xattr: boolean;
  /** The volume is shared with other clients: locks go to the server, and close(2) is told to the daemon. */
  readonly cluster: boolean;
  /** Background requests (readahead, asynchronous direct I/O) that may be under way at a time. */
  readonly maxBackground: number;
}

/** The kernel's INIT, as numbers. */
export interface Offer {
  readonly major: number;
  readonly minor: number;
  readonly maxReadaheadBytes: number;
  readonly flags: number;
  readonly flags2: number;
}

/** What kernel and daemon agreed on; `cfs status` shows it. */
export interface KernelFeatures {
  readonly protocol: { readonly major: number; readonly minor: number };
  /** The kernel's own newest protocol. */
  readonly kernelProtocol: { readonly major: number; readonly minor: number };
  readonly flags: readonly InitFlag[];
  readonly maxWriteBytes: number;
  readonly maxReadBytes: number;
  readonly maxReadaheadBytes: number;
  readonly maxBackground: number;
  /** FOPEN_NOFLUSH is understood: no request at close(2). */
  readonly noFlush: boolean;
  readonly parallelDirectWrites: boolean;
  /** SETXATTR has its long form. */
  readonly setxattrExt: boolean;
  /** The kernel tells when a change takes setuid and setgid away. */
  readonly killPrivV2: boolean;
  readonly xattr: boolean;
  readonly cluster: boolean;
  readonly incrementEpoch: boolean;
  readonly prune: boolean;
  readonly passthrough: { readonly on: boolean; readonly reason: string };
}

/** What a kernel without MAX_PAGES reads and writes at a time. */
const pagesWithoutMaxPages = 32;

/**
 * The answer to an offer of protocol 7. Everything that is wanted (see the table of INIT flags) and offered is
 * taken. Fails with `notSupported` when the kernel is too old.
 */
export function negotiate(offer: Offer, options: HandshakeOptions): KernelFeatures {
  const minor = Math.min(offer.minor, protocolMinor, options.protocolMinor ?? protocolMinor);
  if (minor < oldestProtocolMinor) {
    throw new FsError('notSupported', `FUSE protocol 7.${minor} is too old: 7.${oldestProtocolMinor} is needed`);
  }
  const flags = initFlagNames.filter((name) => isTaken(name, offer, minor, options));
  const maxPages = flags.includes('MAX_PAGES') ? Math.ceil(options.maxWriteBytes / pageBytes) : pagesWithoutMaxPages;
  return {
    protocol: { major: protocolMajor, minor },
    kernelProtocol: { major: offer.major, minor: offer.minor },
    flags,
    maxWriteBytes: Math.min(options.maxWriteBytes, maxPages * pageBytes),
    maxReadBytes: maxPages * pageBytes,
    maxReadaheadBytes: offer.maxReadaheadBytes,
    maxBackground: options.maxBackground,
    // The locks of a process end with any close of it (FLUSH), wherever they are kept.
    noFlush: minor >= sinceMinor.noFlush && !options.cluster,
    parallelDirectWrites: minor >= sinceMinor.parallelDirectWrites,
    setxattrExt: flags.includes('SETXATTR_EXT'),
    killPrivV2: flags.includes('HANDLE_KILLPRIV_V2'),
    xattr: options.xattr,
    cluster: options.cluster,
    incrementEpoch: minor >= sinceMinor.incEpoch,
    prune: minor >= sinceMinor.prune,
    passthrough: flags.includes('PASSTHROUGH')
      ? { on: true, reason: 'the kernel reads and writes the store itself' }
      : { on: false, reason: reasonAgainstPassthrough(offer, minor, options) },
  };
}

/** The two words of flags that stand for `names`. */
export function flagWords(names: readonly InitFlag[]): { flags: number; flags2: number } {
  let flags = 0;
  let flags2 = 0;
  for (const name of names) {
    const { bit } = initFlags[name];
    if (bit < 32) flags |= 1 << bit;
    else flags2 |= 1 << (bit - 32);
  }
  return { flags: flags >>> 0, flags2: flags2 >>> 0 };
}

function isOffered(name: InitFlag, offer: Offer, minor: number): boolean {
  const { bit, since } = initFlags[name];
  const word = bit < 32 ? offer.flags : offer.flags2;
  return minor >= since && ((word >>> (bit & 31)) & 1) === 1;
}

function isTaken(name: InitFlag, offer: Offer, minor: number, options: HandshakeOptions): boolean {
  if (name === 'POSIX_ACL' && !(options.acl && options.xattr)) return false;
  if (name === 'PASSTHROUGH' && !options.passthrough) return false;
  if ('cluster' in initFlags[name] && !options.cluster) return false;
  // The second word counts only with INIT_EXT.
  if (initFlags[name].bit >= 32 && !isOffered('INIT_EXT', offer, minor)) return false;
  return isOffered(name, offer, minor);
}

function reasonAgainstPassthrough(offer: Offer, minor: number, options: HandshakeOptions): string {
  if (!options.passthrough) return 'turned off by an option';
  const { since } = initFlags.PASSTHROUGH;
  if (offer.minor < since)
    return `the kernel speaks FUSE 7.${offer.minor}; passthrough came with 7.${since} (Linux 6.9)`;
  if (minor < since) return `the protocol is held down to 7.${minor}`;
  return 'the kernel was built without it (CONFIG_FUSE_PASSTHROUGH)';
}
