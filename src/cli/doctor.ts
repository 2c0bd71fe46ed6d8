import { doctorChecks } from './doctor.table.ts';
import { columns, print, printJson } from './output.ts';
import { defaultStore } from './paths.ts';

/** Runs every check of the table; exit code 1 when one fails, so that a mount could not work. */
export async function doctor(options: { json?: boolean; store?: string }): Promise<number> {
  const facts = { store: options.store ?? defaultStore() };
  const results = await Promise.all(
    Object.entries(doctorChecks).map(async ([name, check]) => ({ check: name, ...(await check.run(facts)) })),
  );
  if (options.json) printJson(results);
  else {
    print(columns(results.map((result) => [mark[result.result], result.check, result.found])));
    for (const result of results) if (result.mend !== undefined) print(`\n${result.check}: ${result.mend}`);
  }
  return results.some((result) => result.result === 'fail') ? 1 : 0;
}

const mark = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;
