/** Starts `test/simulation/main.ts` under Node 24; see there for the options. */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { requireNode24 } from './node-24.mjs';

const program = fileURLToPath(new URL('../test/simulation/main.ts', import.meta.url));
const parameters = ['--conditions=source', program, ...process.argv.slice(2)];
const { status } = spawnSync(requireNode24(), parameters, { stdio: 'inherit' });
process.exit(status ?? 1);
