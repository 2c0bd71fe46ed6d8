import { strict as assert } from 'node:assert';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkStore } from '#server';
import type { DiskEvent } from '../recorder/disk-event.ts';
import { RecordedDisk, writeImage } from '../recorder/recorded-disk.ts';
import type { DiskModel } from '../recorder/survival.ts';
import { contentOf, lastPromises, type Promised, unexplainedAt } from './promised.ts';
import { machine, StoredVolume } from './stored-volume.ts';
import { type TreeFact, TreeRecord } from './tree-facts.ts';

/** A power cut just before the event `at` of a recording. What survives is decided by model and seed. */
export interface PowerCut {
  readonly model: DiskModel;
  readonly at: number;
  readonly seed: number;
}

/** Cuts the power of a recorded disk, and looks whether the store on it kept its promises. */
export class CutChecker {
  readonly #events: readonly DiskEvent[];
  readonly #scratch: string;
  readonly #disks = new Map<DiskModel, { disk: RecordedDisk; played: number }>();
  /** What the application wrote down until the cut. */
  #promised: Promised[] = [];
  #trees = new Map<string, TreeRecord>();
  #recorded = 0;

  /** Disks are rebuilt in the directory `scratch`, one at a time. */
  constructor(events: readonly DiskEvent[], scratch: string) {
    this.#events = events;
    this.#scratch = scratch;
  }

  /** Throws what is wrong after the cut; returns how many promises it found kept. Cuts come in the order of `at`. */
  async check({ model, at, seed }: PowerCut): Promise<number> {
    const root = join(this.#scratch, 'disk');
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root, { recursive: true });
    writeImage(this.#diskAt(model, at).afterCut(seed), root);
    const store = join(root, 'store');
    this.#recordUntil(at);
    const volume = await StoredVolume.open(store);
    let kept: number;
    try {
      kept = await checkRecord(volume, this.#promised);
      for (const [directory, tree] of this.#trees) kept += await tree.check(volume, directory);
    } finally {
      await volume.close();
    }
    const { problems } = await checkStore(store, machine, { repair: false });
    assert.deepEqual(problems, [], 'the store contradicts itself');
    return kept;
  }

  #diskAt(model: DiskModel, at: number): RecordedDisk {
    let known = this.#disks.get(model);
    if (known === undefined || known.played > at) known = { disk: new RecordedDisk(model), played: 0 };
    known.disk.playUntil(this.#events, at);
    known.played = at;
    this.#disks.set(model, known);
    return known.disk;
  }

  #recordUntil(at: number): void {
    if (this.#recorded > at) {
      this.#recorded = 0;
      this.#promised = [];
      this.#trees = new Map();
    }
    for (; this.#recorded < at; this.#recorded += 1) {
      const event = this.#events[this.#recorded]!;
      if (event.kind === 'mark') this.#recordMark(JSON.parse(event.text) as Promised | TreeMark);
    }
  }

  #recordMark(mark: Promised | TreeMark): void {
    if (!('tree' in mark)) {
      this.#promised.push(mark);
      return;
    }
    const record = this.#trees.get(mark.tree) ?? new TreeRecord();
    this.#trees.set(mark.tree, record);
    record.add(mark.fact);
  }
}

/** What the writer of the tree in a directory tells. */
export interface TreeMark {
  readonly tree: string;
  readonly fact: TreeFact;
}

/** Names are unique among all writers of a recording: `file-SEED-NUMBER` lies in `writer-SEED`. */
const pathOf = (name: string): string => `writer-${name.split('-')[1]}/${name}`;

async function checkRecord(volume: StoredVolume, record: readonly Promised[]): Promise<number> {
  let kept = 0;
  const known = new Set<string>();
  for (const [name, fact] of lastPromises(record)) {
    if (fact.kind === 'changing') continue;
    const found = await volume.find(pathOf(name));
    if (fact.kind === 'absent') assert(found === undefined, `${name} was removed, and is there again`);
    else {
      assert(found !== undefined, `${name} is lost`);
      assert.equal(found.size, fact.size, `${name}: its size`);
      const isRight = (await volume.read(found.ino)).equals(contentOf(name, fact.version, fact.size));
      assert(isRight, `${name}: its content is not version ${fact.version}`);
      known.add(name);
    }
    kept += 1;
  }
  await checkOrigins(volume, record, known);
  return kept;
}

/** Whatever else is there, nobody finds another's data in it. */
async function checkOrigins(volume: StoredVolume, record: readonly Promised[], known: Set<string>): Promise<void> {
  const versions = new Map<string, Set<number>>();
  for (const fact of record) {
    if (!('version' in fact)) continue;
    versions.set(fact.name, (versions.get(fact.name) ?? new Set()).add(fact.version!));
  }
  for (const directory of await volume.list((await volume.find('/'))!.ino)) {
    if (!directory.name.startsWith('writer-')) continue;
    for (const { name, ino } of await volume.list(directory.ino)) {
      if (known.has(name)) continue;
      const own = name.replace(/\.new$/, '');
      assert(versions.has(own), `nobody made ${name}`);
      const content = await volume.read(ino);
      const origins = [...versions.get(own)!].map((version) => contentOf(own, version, content.length));
      const at = unexplainedAt(content, origins);
      assert(at === undefined, `${name} at ${at}: data of nobody knows whom: ${content.subarray(at, at! + 40)}`);
    }
  }
}
