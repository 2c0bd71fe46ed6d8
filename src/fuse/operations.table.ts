import { strict as assert } from 'node:assert';
import { attributeOperations } from './attributes.ts';
import { controlOperations, refusedOperations } from './control.ts';
import { directoryOperations } from './directories.ts';
import { fileOperations } from './files.ts';
import { ioctlOperations } from './ioctls.ts';
import { clusterOperations } from './locks.ts';
import { nameOperations } from './names.ts';
import type { AnyOperation } from './operation.ts';
import { xattrOperations } from './xattrs.ts';

export { clusterOperations, refusedOperations };

/** Opcodes are below this; a larger one has no row. */
export const opcodeLimit = 64;
export const initOpcode = 26;

/**
 * Every request of the kernel, by its opcode. One without a row, and one that is refused, is answered with ENOSYS,
 * which the kernel takes as an answer for the life of the mount.
 */
export const operations: readonly (AnyOperation | undefined)[] = byOpcode([
  ...nameOperations,
  ...attributeOperations,
  ...fileOperations,
  ...directoryOperations,
  ...xattrOperations,
  ...ioctlOperations,
  ...controlOperations,
]);

/** The same for a mount of a cluster, which answers some that others refuse. */
export const operationsInCluster: readonly (AnyOperation | undefined)[] = operations.map(
  (row, opcode) => clusterOperations.find((each) => each.opcode === opcode) ?? row,
);

/** The names of all opcodes that are known, the refused ones too. */
export const operationNames: readonly (string | undefined)[] = Array.from({ length: opcodeLimit }, (_, opcode) =>
  opcode === initOpcode
    ? 'INIT'
    : (operations[opcode]?.name ?? refusedOperations.find((row) => row.opcode === opcode)?.name),
);

function byOpcode(rows: readonly AnyOperation[]): (AnyOperation | undefined)[] {
  const table = new Array<AnyOperation | undefined>(opcodeLimit).fill(undefined);
  for (const row of rows) {
    assert(table[row.opcode] === undefined, `one row for opcode ${row.opcode}`);
    table[row.opcode] = row;
  }
  for (const row of refusedOperations) {
    assert(table[row.opcode] === undefined, `${row.name} is answered or refused, not both`);
  }
  return table;
}
