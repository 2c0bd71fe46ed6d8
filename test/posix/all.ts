/** Every fact, for a test file that mounts once and tries them all there. */
import { readdirSync } from 'node:fs';

const facts = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.facts.ts'));
for (const name of facts.sort()) await import(`./${name}`);
