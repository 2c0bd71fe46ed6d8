import fc from 'fast-check';

export const operationNames = [
  'create',
  'tmpfile',
  'mkdir',
  'mknod',
  'symlink',
  'link',
  'unlink',
  'rmdir',
  'rename',
  'lookup',
  'list',
  'readlink',
  'chmod',
  'chown',
  'truncate',
  'setxattr',
  'getxattr',
  'removexattr',
  'open',
  'release',
  'read',
  'write',
  'fallocate',
  'seek',
  'copyRange',
  'fsync',
] as const;
export type OperationName = (typeof operationNames)[number];

/**
 * One random step: an operation and numbers from which it picks what it needs, among what exists when it runs. So any
 * part of a plan is a plan, which lets a failing one shrink.
 */
export interface Step {
  readonly operation: OperationName;
  readonly directory: number;
  readonly otherDirectory: number;
  readonly node: number;
  readonly handle: number;
  readonly otherHandle: number;
  readonly name: string;
  readonly otherName: string;
  readonly offset: number;
  readonly otherOffset: number;
  readonly length: number;
  readonly variant: number;
  readonly user: number;
}

/** Small content lies inline up to this size: where errors gather. */
const inlineLimitBytes = 16_384;
const pick = fc.nat(1000);
const name = fc.constantFrom('a', 'b', 'c', 'd', '\xff\xfe');
const offset = fc.oneof(
  fc.nat(20),
  fc.integer({ min: inlineLimitBytes - 10, max: inlineLimitBytes + 10 }),
  fc.nat(50_000),
);
const length = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 17_000 }));

/** Operations that make something to work on come more often. */
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...operationNames) },
  { weight: 1, arbitrary: fc.constantFrom<OperationName>('create', 'mkdir', 'write', 'open') },
);

export const step: fc.Arbitrary<Step> = fc.record({
  operation,
  directory: pick,
  otherDirectory: pick,
  node: pick,
  handle: pick,
  otherHandle: pick,
  name,
  otherName: name,
  offset,
  otherOffset: offset,
  length,
  variant: fc.nat(63),
  user: fc.nat(2),
});

/** `count` different bytes, none zero, which tell where they come from. */
export function content({ offset: from, length: count, variant }: Step): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => 1 + ((from + index + variant * 7) % 255));
}
