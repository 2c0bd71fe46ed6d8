import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench } from './dispatch.testing.ts';
import { type GoldenName, golden } from './golden.testing.ts';
import { operationNames, operations } from './operations.table.ts';

const cases: readonly { name: GoldenName; protocolMinor: number }[] = [
  { name: 'protocol-45', protocolMinor: 45 },
  { name: 'protocol-31', protocolMinor: 31 },
];

for (const { name, protocolMinor } of cases) {
  test(`every reply to the frames of ${name} is the one that the kernel took`, async () => {
    const { give, replies, bugs } = bench({ protocolMinor });
    for (const { request, reply } of golden(name).slice(1)) {
      replies.length = 0;
      give(request);
      // Some calls are asynchronous by nature.
      if (replies.length === 0 && reply !== undefined) await new Promise((resolve) => setImmediate(resolve));
      const operation = operationNames[request.readUInt32LE(4)];
      assert.deepEqual(replies, reply === undefined ? [] : [reply], `${operation} ${request.toString('hex')}`);
    }
    assert.deepEqual(bugs, []);
  });
}

test('the golden frames hold nearly every operation', () => {
  const seen = new Set(golden('protocol-45').map(({ request }) => request.readUInt32LE(4)));
  // Whether a kernel forgets one by one or in batches is a matter of the moment.
  const forgets = ['FORGET', 'BATCH_FORGET'];
  const missing = operations
    .flatMap((row) => (row === undefined || seen.has(row.opcode) ? [] : [row.name]))
    .filter((name) => !forgets.includes(name));
  // What this kernel sends only to those who ask for it (no default_permissions, a signal, RETRIEVE, unmount of
  // fuseblk), or did not here, since it sends the newer COPY_FILE_RANGE_64.
  assert.deepEqual(missing.sort(), ['ACCESS', 'COPY_FILE_RANGE', 'DESTROY', 'INTERRUPT', 'NOTIFY_REPLY']);
});
