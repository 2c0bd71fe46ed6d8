import { logLevels } from '#telemetry';

/**
 * Every option of `cfs mount`, once: the flag `--some-option`, the mount option `-o some_option`, the help and the
 * reference page follow from the row. `default` is what an absent option means, in words where no value says it.
 */
export const mountOptions = {
  store: {
    kind: 'path',
    help: 'where metadata and data are kept; made when absent',
    default: 'default below the XDG data directory',
  },
  metadata_servers: {
    kind: 'text',
    help: 'mount a volume of these servers, HOST:PORT,... (; instead of , in a list of -o)',
    default: 'none: a file system of this machine alone',
  },
  volume: { kind: 'text', help: 'which volume of the servers', default: 'default' },
  cache_mode: {
    kind: 'choice',
    choices: ['strict', 'session', 'close-to-open'],
    help: 'when changes of other clients are seen',
    default: 'strict',
  },
  cert: { kind: 'path', help: 'the certificate that names this client to the servers', default: 'none' },
  key: { kind: 'path', help: 'its key', default: 'none' },
  ca: { kind: 'path', help: 'the certificate of the authority that signs those of servers', default: 'none' },
  insecure: { kind: 'switch', help: 'without certificates, for trials on loopback', default: false },
  force_insecure: { kind: 'switch', help: 'likewise to any address', default: false },
  transport: { kind: 'choice', choices: ['tcp'], help: 'how the servers are reached', default: 'tcp' },
  soft: {
    kind: 'switch',
    help: 'calls fail when no server answers within the timeout; else (hard) they wait as long as it takes',
    default: false,
  },
  timeout: { kind: 'seconds', help: 'how long calls of a soft mount wait for a server', default: 60 },
  foreground: { kind: 'switch', help: 'stay in the foreground and log to standard error', default: false },
  log_level: { kind: 'choice', choices: logLevels, help: 'how much is logged', default: 'info' },
  log_file: {
    kind: 'path',
    help: 'where a mount in the background logs',
    default: 'mount-PID.log below the XDG state directory',
  },
  passthrough: {
    kind: 'switch',
    help: 'let the kernel read and write the store’s files itself (root, Linux 6.9)',
    default: true,
  },
  allow_other: {
    kind: 'switch',
    help: 'let other users in; without root needs user_allow_other in /etc/fuse.conf',
    default: 'on for root',
  },
  default_permissions: {
    kind: 'switch',
    help: 'let the kernel check rights; off, with noallow_other: the file system does, with fewer requests',
    default: true,
  },
  acl: { kind: 'switch', help: 'POSIX access control lists', default: true },
  xattr: { kind: 'switch', help: 'extended attributes; off also turns file capabilities and ACLs off', default: true },
  attr_timeout: { kind: 'seconds', help: 'how long the kernel may believe attributes', default: 86_400 },
  entry_timeout: { kind: 'seconds', help: 'how long the kernel may believe names', default: 86_400 },
  negative_timeout: { kind: 'seconds', help: 'how long the kernel may believe that a name is absent', default: 86_400 },
  max_write: { kind: 'bytes', help: 'the largest write and read request, 4 KiB to 4 MiB', default: 1_048_576 },
  protocol: { kind: 'protocol', help: 'speak no newer kernel protocol than this one', default: 'the kernel’s' },
  subtype: { kind: 'text', help: 'the file system type shown is fuse.SUBTYPE; empty: fuse', default: 'cfs' },
  fsname: { kind: 'text', help: 'the source shown in the mount table', default: 'the store' },
  ro: { kind: 'switch', help: 'mount read-only', default: false },
  nosuid: { kind: 'switch', help: 'ignore setuid, setgid and file capabilities', default: false },
  nodev: { kind: 'switch', help: 'device files do not work', default: false },
  noexec: { kind: 'switch', help: 'programs cannot be executed', default: false },
  noatime: { kind: 'switch', help: 'do not keep access times', default: false },
} as const satisfies Record<string, OptionRow>;

export type OptionRow = { readonly help: string } & (
  | { readonly kind: 'switch'; readonly default: boolean | string }
  | { readonly kind: 'path' | 'text' | 'protocol'; readonly default: string }
  | { readonly kind: 'choice'; readonly choices: readonly string[]; readonly default: string }
  | { readonly kind: 'seconds' | 'bytes'; readonly default: number }
);
export type OptionName = keyof typeof mountOptions;
