import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Site, startProgram } from './mounted.ts';
import { checkPromises, type Promised } from './promised.ts';

const writer = fileURLToPath(new URL('fsync-writer.ts', import.meta.url));
const rounds = Number(process.env['CFS_KILL_ROUNDS'] ?? 3);

for (const passthrough of ['passthrough', 'nopassthrough']) {
  test(`what fsync acknowledged survives a killed daemon (${passthrough})`, async () => {
    await using site = new Site();
    let checked = 0;
    for (let round = 0; round < rounds; round++) {
      await site.mount('-o', passthrough);
      const record = await writeUntilKilled(site, round, 200 + Math.random() * 700);
      await site.mount('-o', passthrough);
      checked += checkPromises(join(site.mountpoint, `writer-${round}`), record);
      await site.umount();
      const fsck = await site.cfs('fsck', site.store);
      assert.equal(fsck.code, 0, `fsck found something in round ${round}: ${fsck.stdout}${fsck.stderr}`);
    }
    assert(checked > rounds, `only ${checked} promises were checked`);
  });
}

/** Runs the writer, kills the daemon after `delayMs` of writing, and returns the writer's record. */
async function writeUntilKilled(site: Site, seed: number, delayMs: number): Promise<Promised[]> {
  const program = startProgram(writer, [site.mountpoint, String(seed)]);
  let output = '';
  program.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const closed = once(program, 'close');
  if (program.stdout !== null) await Promise.race([once(program.stdout, 'data'), closed]);
  await pause(delayMs);
  await site.killDaemon();
  const [code] = await closed;
  assert.equal(code, 0, 'the writer ended because its file system went away');
  return output
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Promised);
}
