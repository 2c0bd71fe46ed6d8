/** What a mount was asked for, as far as the vfs decides by it. All durations are milliseconds, 0 or more. */
export interface VfsOptions {
  /** How long the kernel may believe attributes, names, and absent names. */
  readonly attributeValidityMs: number;
  readonly entryValidityMs: number;
  readonly negativeValidityMs: number;
  /** Access times stay as they are. */
  readonly noAtime: boolean;
  /** Let the kernel read and write the store's files itself where it can. */
  readonly passthrough: boolean;
  /** What `read` gave has been used: its memory may serve another. */
  readonly reuse?: (bytes: Uint8Array) => void;
}

/** An embedded mount is the only client: nothing changes but through this kernel, so it may believe for a day. */
export const embeddedVfsOptions: VfsOptions = {
  attributeValidityMs: 86_400_000,
  entryValidityMs: 86_400_000,
  negativeValidityMs: 86_400_000,
  noAtime: false,
  passthrough: true,
};
