import type { CacheMode } from '#client';

/** What a client may believe in each `--cache-mode`, and for how long. */
export const cacheModes = {
  strict: {
    leases: true,
    dropsWhenReattached: false,
    names: 'while the lease on the directory lasts',
    attributes: 'while the lease on the inode lasts',
    content: 'while the lease on the content lasts',
    promise: 'a change is visible everywhere before the call that made it returns',
  },
  session: {
    leases: true,
    // A recall that nobody waits for may have been lost with its connection.
    dropsWhenReattached: true,
    names: 'until a push says otherwise',
    attributes: 'until a push says otherwise',
    content: 'until a push says otherwise',
    promise: 'each client sees its own changes, and never goes back in time',
  },
  closeToOpen: {
    leases: false,
    dropsWhenReattached: false,
    names: 'of directories for the attribute timeout, no others',
    attributes: 'for the attribute timeout, and asked for at open',
    content: 'until an open finds another version',
    promise: 'whoever opens sees what was there at the last close before',
  },
} as const satisfies Record<CacheMode, CacheModeRow>;

export interface CacheModeRow {
  /** The server lends, and recalls. */
  readonly leases: boolean;
  /** A new connection may have missed recalls. */
  readonly dropsWhenReattached: boolean;
  readonly names: string;
  readonly attributes: string;
  readonly content: string;
  readonly promise: string;
}
