import { below, SeededRandom } from '#base';

/**
 * What a disk may do with changes that no sync covered. Both keep the promises of POSIX and no more of them than any
 * file system for Linux does; what the two share:
 *
 * - A sync of a file that has ended covers the bytes and the size that the file had when it began.
 * - Sectors of 512 bytes are written whole or not at all, in any order. One sector never goes back in time: when it
 *   holds the second of two changes, it also holds the first.
 * - Changes of a file's size happen in order, and rename(2) happens at once.
 * - Bytes that were never written read as zeros: the file system below does not show what others left on the disk.
 *
 * `journal` is ext4 with data=ordered (and XFS): names change in one journal, so in each directory a beginning of its
 * changes survives, and a sync that has anything to write there makes all earlier changes of names durable: one of a
 * directory or file that was changed, but not fdatasync(2) of a file that has the size and name it had. A file has grown
 * only when the bytes it grew by are there.
 *
 * `independent` promises only what is written in fsync(2): each name of a directory changes for itself, a sync of a
 * file says nothing about its name, and a file may have grown while its bytes are still zeros.
 *
 * LMDB needs no more than this: it waits for fdatasync(2) of its pages, then writes its root, which lies within one
 * sector, with O_DSYNC, and begins again from the root before when that did not arrive.
 */
export const diskModels = ['journal', 'independent'] as const;
export type DiskModel = (typeof diskModels)[number];

/** Chances that a change survives: usual ones, and the ends of the scale. */
const chances = [0, 0.1, 0.5, 0.9, 1];
/** What is written at a time: a sector, a page, all of one write. */
const grains = [512, 4096, Number.MAX_SAFE_INTEGER];

/** The dice of one power cut. */
export class Survival {
  readonly model: DiskModel;
  readonly random: SeededRandom;
  readonly chance: number;
  readonly grainBytes: number;

  constructor(model: DiskModel, seed: number) {
    this.model = model;
    this.random = new SeededRandom(seed);
    this.chance = chances[below(this.random, chances.length)]!;
    this.grainBytes = grains[below(this.random, grains.length)]!;
  }

  /** Whether the next change has reached the disk. */
  hits(): boolean {
    return below(this.random, 1_000_000) < this.chance * 1_000_000;
  }
}
