/**
 * fio on the disk, native against passthrough. The file is laid out before the timed part. For reads that are to come
 * from the disk all pages of the machine are dropped first, with drop_caches rather than by fio's own invalidation:
 * that reaches only the inode it is called on, not the file behind a passthrough, and would favour ClaudeFS.
 */

import { join } from 'node:path';
import { run } from '../command.ts';
import { dropCaches } from '../host.ts';
import type { Outcome, Turn } from '../workload.ts';

export interface FioJob {
  readonly pattern: 'read' | 'write' | 'randread' | 'randwrite';
  readonly access: 'buffered' | 'direct';
  readonly block: '1M' | '4k';
  /** Where the pages are before the timed part. */
  readonly pages: 'cold' | 'warm';
  readonly fileBytes: number;
  /** Random patterns run for this long; sequential ones pass over the file once. */
  readonly seconds?: number;
}

interface FioReport {
  readonly jobs: readonly { readonly read: FioSide; readonly write: FioSide; readonly job_runtime: number }[];
}
interface FioSide {
  readonly io_bytes: number;
  readonly total_ios: number;
  readonly runtime: number;
}

/** Bytes per second of a sequential job, operations per second of a random one, as the sample `rate`. */
export function fio(job: FioJob): (turn: Turn) => Promise<Outcome> {
  return async (turn) => {
    const file = join(turn.directory, 'file');
    await turn.app('fill', file, job.fileBytes);
    if (job.pages === 'warm') await turn.app('warm', file);
    else if (!dropCaches('pages')) throw new Error('dropping the page cache needs root');
    const report = JSON.parse(await run(['fio', ...fioArguments(job, file)])) as FioReport;
    const result = report.jobs[0];
    if (result === undefined) throw new Error('fio reported no job');
    const side = job.pattern.endsWith('read') ? result.read : result.write;
    const done = job.seconds === undefined ? side.io_bytes : side.total_ios;
    // The job's own run time includes the fsync at the end of a buffered write; the side's does not.
    const milliseconds = job.pattern === 'write' ? result.job_runtime : side.runtime;
    return { samples: { rate: (done * 1000) / milliseconds } };
  };
}

function fioArguments(job: FioJob, file: string): string[] {
  return [
    '--name=bench',
    `--filename=${file}`,
    `--size=${job.fileBytes}`,
    `--rw=${job.pattern}`,
    `--bs=${job.block}`,
    `--direct=${job.access === 'direct' ? 1 : 0}`,
    '--ioengine=psync',
    '--invalidate=0',
    '--fadvise_hint=0',
    '--output-format=json',
    ...(job.seconds === undefined ? [] : ['--time_based', `--runtime=${job.seconds}`, '--norandommap']),
    ...(job.pattern === 'write' && job.access === 'buffered' ? ['--end_fsync=1'] : []),
  ];
}
