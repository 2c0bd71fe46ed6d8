/** Bounds of what one message may carry; a reader refuses more, whatever the sender claims. */

/** Content in one read or write. */
export const dataMaxBytes = 4 * 1024 * 1024;
/** Supplementary groups of a caller: NGROUPS_MAX of linux/limits.h. */
export const groupsMax = 65_536;
/** Entries in one reply of `readdir`, and so the largest `limit` of its request. */
export const directoryEntriesMax = 16_384;
/** Elements of any other list: leases, locks, names of extended attributes. */
export const listMax = 65_536;
/** A volume's or session's name, a reason. */
export const textMaxBytes = 4096;
/** The longest message: a directory's entries with attributes, all with names of 255 bytes, and leases on them. */
export const messageMaxBytes = 16 * 1024 * 1024;
