/** What a mount is asked for. An option that is missing is as mount(8) has it, or as said. */
export interface FuseMountOptions {
  readonly mountpoint: string;
  /** The type shown is `fuse.SUBTYPE`, or `fuse` when empty. */
  readonly subtype?: string;
  /** The source shown in the mount table. */
  readonly source?: string;
  /** Other users than the one who mounts may enter. */
  readonly allowOther?: boolean;
  /** The kernel checks permissions. */
  readonly defaultPermissions?: boolean;
  readonly readOnly?: boolean;
  readonly noSuid?: boolean;
  readonly noDev?: boolean;
  readonly noExec?: boolean;
  readonly noAtime?: boolean;
}
