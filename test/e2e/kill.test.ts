import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { mounting, Site, startProgram } from './mounted.ts';
import { checkPromises, type Promised } from './promised.ts';

const writer = fileURLToPath(new URL('fsync-writer.ts', import.meta.url));
/** More for a longer run. */
const rounds = Number(process.env['CFS_KILL_ROUNDS'] ?? 2);
/** A round is worth its while when so much was promised; its end comes at a random moment after that. */
const promisesLeast = 10;
const delayMostMs = 700;

for (const passthrough of ['passthrough', 'nopassthrough']) {
  test(`what fsync acknowledged survives a killed daemon (${passthrough})`, mounting, async () => {
    await using site = new Site();
    let checked = 0;
    for (let round = 0; round < rounds; round++) {
      await site.mount('-o', passthrough);
      const record = await writeUntilKilled(site, round);
      await site.mount('-o', passthrough);
      checked += checkPromises(join(site.mountpoint, `writer-${round}`), record);
      await site.umount();
      const fsck = await site.cfs('fsck', site.store);
      assert.equal(fsck.code, 0, `fsck found something in round ${round}: ${fsck.stdout}${fsck.stderr}`);
    }
    assert(checked >= rounds, `only ${checked} promises were checked`);
  });
}

/** Runs the writer, kills the daemon while it writes, and returns the writer's record. */
async function writeUntilKilled(site: Site, seed: number): Promise<Promised[]> {
  const program = startProgram(writer, [site.mountpoint, String(seed)]);
  const closed = once(program, 'close');
  let output = '';
  const enough = new Promise<void>((resolve) => {
    program.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.split('"is"').length > promisesLeast) resolve();
    });
  });
  await Promise.race([enough, closed]);
  await pause(Math.random() * delayMostMs);
  await site.killDaemon();
  const [code] = await closed;
  assert.equal(code, 0, 'the writer ended because its file system went away');
  return output
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Promised);
}
