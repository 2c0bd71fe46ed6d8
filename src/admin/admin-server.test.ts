import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { askForEnd } from './admin-client.ts';
import { AdminServer } from './admin-server.ts';
import type { MountStatus } from './status.ts';

for (const [what, sentence] of [
  ['the reason when it fails', 'the disk is full'],
  ['nothing when all is well', null],
] as const) {
  test(`who waits for the end of a mount is told ${what}`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'cfs-admin-'));
    const { promise: failure, resolve: end } = Promise.withResolvers<string | null>();
    const server = await AdminServer.listen(directory, { status: () => ({}) as MountStatus, failure });
    const asked = await askForEnd(directory, process.pid, new AbortController().signal);
    server.close();
    end(sentence);
    assert.equal(await asked?.end, sentence ?? undefined);
    assert.equal(await askForEnd(directory, process.pid, new AbortController().signal), undefined);
    rmSync(directory, { recursive: true });
  });
}
