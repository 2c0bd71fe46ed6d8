/** Work whose time is a real program from start to end: tar, git, rm, ls. */

import { join } from 'node:path';
import { run } from '../command.ts';
import type { Outcome, Turn } from '../workload.ts';
import { perOperation } from './loop.ts';

/** Unpacks the archive of 5,000 small files. */
export async function tarExtract(turn: Turn): Promise<Outcome> {
  const archive = await turn.fixtures.archive();
  return timed(turn, ['tar', '-xf', archive, '-C', turn.directory]);
}

/**
 * Clones a local repository. `--no-hardlinks` so that every target copies the objects: a clone within one file system
 * would link them, and only the native directory could lie on the repository's own.
 */
export async function gitClone(turn: Turn): Promise<Outcome> {
  const repository = await turn.fixtures.repository();
  return timed(turn, ['git', 'clone', '--quiet', '--no-hardlinks', repository, join(turn.directory, 'clone')]);
}

/** Removes the unpacked archive, which the kernel knows from its unpacking. */
export async function removeTree(turn: Turn): Promise<Outcome> {
  const tree = join(turn.directory, 'tree');
  await run(['mkdir', tree]);
  await run(['tar', '-xf', await turn.fixtures.archive(), '-C', tree], { core: turn.core });
  return timed(turn, ['rm', '-rf', tree]);
}

/** Lists a directory of 10,000 files that was listed just before. */
export async function listWarm(turn: Turn): Promise<Outcome> {
  await turn.app('create', turn.directory, 10_000, 0);
  const list = ['ls', '-l', turn.directory];
  await run(list, { core: turn.core });
  return timed(turn, list);
}

async function timed(turn: Turn, command: readonly string[]): Promise<Outcome> {
  return { samples: await perOperation(turn, () => turn.app('spawn', ...command)) };
}
