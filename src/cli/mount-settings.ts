import { FsError } from '#base';
import type { mountFuse, serve } from '#fuse';
import type { Logger } from '#telemetry';
import { embeddedVfsOptions, type VfsOptions } from '#vfs';
import type { MountOptions } from './options.ts';

/** `source` is what the mount table shows unless the options say otherwise. */
export function fuseMountOptions(
  options: MountOptions,
  source: string,
): Omit<Parameters<typeof mountFuse>[0], 'mountpoint'> {
  return {
    source: options.fsname ?? source,
    subtype: options.subtype ?? 'cfs',
    allowOther: allowsOthers(options),
    defaultPermissions: options.default_permissions ?? true,
    readOnly: options.ro ?? false,
    noSuid: options.nosuid ?? false,
    noDev: options.nodev ?? false,
    noExec: options.noexec ?? false,
    noAtime: options.noatime ?? false,
  };
}

/** Fails with `invalid` for options that cannot go together. */
export function requireCompatible(options: MountOptions): void {
  if (options.default_permissions !== false) return;
  if (allowsOthers(options)) {
    const why = 'nobody checks walks through names that the kernel has cached for another user';
    throw new FsError('invalid', `nodefault_permissions needs noallow_other: ${why}`);
  }
  if (options.acl) {
    throw new FsError(
      'invalid',
      'acl and nodefault_permissions exclude each other in the kernel: leave one of them out',
    );
  }
}

function allowsOthers(options: MountOptions): boolean {
  return options.allow_other ?? process.geteuid?.() === 0;
}

export function sessionOptions(options: MountOptions, log: Logger): NonNullable<Parameters<typeof serve>[1]> {
  const kernelChecksPermissions = options.default_permissions ?? true;
  return {
    maxWriteBytes: options.max_write ?? 1_048_576,
    protocolMinor: options.protocol,
    acl: (options.acl ?? true) && kernelChecksPermissions,
    xattr: options.xattr ?? true,
    passthrough: options.passthrough ?? true,
    kernelChecksPermissions,
    onBug: (error, operation) => log.error({ err: error, operation }, 'a bug: the caller got EIO'),
  };
}

export function vfsOptions(options: MountOptions): VfsOptions {
  const ms = (seconds: number | undefined, otherwise: number): number =>
    seconds === undefined ? otherwise : seconds * 1000;
  return {
    attributeValidityMs: ms(options.attr_timeout, embeddedVfsOptions.attributeValidityMs),
    entryValidityMs: ms(options.entry_timeout, embeddedVfsOptions.entryValidityMs),
    negativeValidityMs: ms(options.negative_timeout, embeddedVfsOptions.negativeValidityMs),
    noAtime: options.noatime ?? false,
    passthrough: options.passthrough ?? true,
  };
}
