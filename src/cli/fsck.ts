import { SystemClock, SystemRandom } from '#base';
import { checkStore, type StoreReport } from '#server';
import { exitCodes } from './exit-codes.table.ts';
import { print, printJson, sentenceOf } from './output.ts';
import { defaultStore } from './paths.ts';

/** Checks a store that nobody has open; with `repair`, mends it. The exit codes are those of fsck(8). */
export async function fsck(store: string | undefined, options: { repair?: boolean; json?: boolean }): Promise<number> {
  let report: StoreReport;
  const machine = { clock: new SystemClock(), random: new SystemRandom() };
  try {
    report = await checkStore(store ?? defaultStore(), machine, { repair: options.repair ?? false });
  } catch (error) {
    process.stderr.write(`cfs: ${sentenceOf(error)}\n`);
    return exitCodes.notChecked.code;
  }
  if (options.json) printJson(report);
  else {
    for (const problem of report.problems) print(`${problem.repaired ? 'mended: ' : ''}${problem.message}`);
    print(`${report.inodes} inodes, ${report.blobs} blobs, ${report.problems.length} problems`);
  }
  if (report.problems.length === 0) return exitCodes.ok.code;
  return report.problems.every((problem) => problem.repaired) ? exitCodes.repaired.code : exitCodes.unrepaired.code;
}
