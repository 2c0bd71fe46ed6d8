import { strict as assert } from 'node:assert';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { below, SeededRandom } from '#base';
import { RecordedDisk, writeImage } from '../recorder/recorded-disk.ts';
import { loadRecording } from '../recorder/recording.ts';
import { diskModels } from '../recorder/survival.ts';
import { mounting, Site } from './mounted.ts';
import { askedCut, assertNoFailure, type CheckedCuts, checkCuts, recordWork } from './power-cut.ts';
import type { CheckPlan } from './power-cut-checker.ts';
import { checkPromises, type Promised } from './promised.ts';
import { RecordedSite } from './recorded-site.ts';

/*
 * A sample runs by default. By hand: CFS_POWER_CUTS=some takes a minute, CFS_POWER_CUTS=all cuts at every sync of longer
 * recordings, which takes an hour. CFS_POWER_CUT_SEED=N throws other dice. What happened at which moment repeats only
 * with the recording, which a failure keeps.
 */
const amounts = {
  sample: { workMs: 400, ends: ['killed', 'unmounted'], cuts: { withinMs: 3000 }, afterCuts: 0 },
  some: { workMs: 1000, ends: ['unmounted', 'killed', 'unmounted'], cuts: { withinMs: 6000 }, afterCuts: 1 },
  all: { workMs: 5000, ends: ['unmounted', 'killed', 'unmounted'], cuts: 'all', afterCuts: 20 },
} as const;
const amount = (process.env['CFS_POWER_CUTS'] ?? 'sample') as keyof typeof amounts;
const { workMs, ends, cuts, afterCuts } = amounts[amount];
const isLong = amount === 'all';
const runSeed = Number(process.env['CFS_POWER_CUT_SEED'] ?? 1);
const asked = askedCut(process.env);
const skip = asked === undefined ? mounting.skip : 'one cut is to be seen again';

function planOf(seed: number): CheckPlan {
  return { seed, cuts, failuresMax: 1 };
}

test('the power cut that is asked for', { skip: asked === undefined }, async () => {
  const { cut, recording } = asked!;
  const { failures } = await checkCuts(recording, { seed: 0, cuts: [cut], failuresMax: 1 });
  assert.equal(failures[0]?.message, undefined);
});

for (const [index, mode] of ['passthrough', 'nopassthrough'].entries()) {
  test(`no power cut takes what was promised (${mode})`, { skip }, async (context) => {
    const seed = runSeed + index;
    await using site = new RecordedSite();
    await site.startRecording({ seed });
    await recordWork(site, { seed, workMs, ends, mountOptions: ['-o', mode] });
    const checked = await checkCuts(site.recording, planOf(seed));
    tell(context, seed, checked);
    assertNoFailure(checked, site.recording, `${mode}-${seed}`);
    // On a busy machine little is done in the time of a sample.
    assert(checked.promises > (amount === 'sample' ? 1 : 10) * checked.cuts, 'little was promised');
    const random = new SeededRandom(seed);
    for (let times = afterCuts; times > 0; times -= 1) {
      if (isLong || index === 0) await cutDuringRecovery(context, site.recording, { random, mode });
      if (isLong || index === 1) await mountAfterCut(site.recording, { random, mode });
    }
  });
}

for (const lies of ['always', 'about directories'] as const) {
  const isLeftOut = amount === 'sample' && lies === 'about directories' && 'not part of the sample';
  test(`a disk that lies about its syncs is found out (${lies})`, { skip: skip || isLeftOut }, async (context) => {
    await using site = new RecordedSite();
    await site.startRecording({ seed: runSeed, lies });
    await recordWork(site, { seed: runSeed, workMs: 1000, ends: ['killed'], mountOptions: [] });
    const plan: CheckPlan = { seed: runSeed, cuts: { withinMs: 30_000 }, failuresMax: 8 };
    const { cuts, failures } = await checkCuts(site.recording, plan);
    const [lost] = failures.filter(({ message }) => /is lost|is missing|its size|its content/.test(message));
    assert(lost !== undefined, `nothing was lost in ${cuts} power cuts`);
    context.diagnostic(`found: ${lost.message.split('\n')[0]}`);
  });
}

interface AfterCut {
  readonly random: SeededRandom;
  /** The mount option that decides about passthrough. */
  readonly mode: string;
}

/** Cuts the power, mounts what is left, and cuts the power again while that recovers and ends. */
async function cutDuringRecovery(context: TestContext, recording: string, { random, mode }: AfterCut): Promise<void> {
  using left = new CutDisk(recording, random);
  await using site = new RecordedSite();
  const seed = random.u32();
  await site.startRecording({ seed, copyOf: left.path });
  for (const mark of left.marks) writeFileSync(site.marks, mark);
  await site.mount('-o', mode);
  await site.umount();
  await site.endRecording();
  const from = loadRecording(site.recording).findLastIndex(({ kind }) => kind === 'mark') + 1;
  const checked = await checkCuts(site.recording, { seed, cuts: 'all', from, failuresMax: 1 });
  tell(context, seed, checked);
  assertNoFailure(checked, site.recording, `recovery-${mode}-${seed}`);
}

/** Cuts the power, mounts what is left, and looks at it as applications do. */
async function mountAfterCut(recording: string, { random, mode }: AfterCut): Promise<void> {
  using left = new CutDisk(recording, random);
  await using site = new Site();
  cpSync(join(left.path, 'store'), site.store, { recursive: true });
  await site.mount('-o', mode);
  const record = left.marks.map((mark) => JSON.parse(mark) as Partial<Promised>);
  const writers = Map.groupBy(record, ({ name }) => name?.split('-')[1]);
  for (const [writer, promised] of writers) {
    if (writer !== undefined) checkPromises(join(site.mountpoint, `writer-${writer}`), promised as Promised[]);
  }
  await site.umount();
  const fsck = await site.cfs('fsck', site.store);
  assert.equal(fsck.code, 0, `fsck found something: ${fsck.stdout}${fsck.stderr}`);
}

/** The disk after a power cut somewhere in the second half of a recording, and what was promised until then. */
class CutDisk implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'cfs-cut-'));
  readonly marks: string[];

  constructor(recording: string, random: SeededRandom) {
    const events = loadRecording(recording);
    const at = Math.floor(events.length / 2) + below(random, Math.ceil(events.length / 2));
    const disk = new RecordedDisk(diskModels[below(random, 2)]!);
    disk.playUntil(events, at);
    writeImage(disk.afterCut(random.u32()), this.path);
    this.marks = events.slice(0, at).flatMap((event) => (event.kind === 'mark' ? [event.text] : []));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function tell(context: TestContext, seed: number, { cuts, promises }: CheckedCuts): void {
  context.diagnostic(`seed ${seed}: ${cuts} power cuts, ${promises} promises kept`);
}
