import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of the package, from src/cli or dist/cli alike. */
export const packageRoot = resolve(fileURLToPath(import.meta.url), '../../..');

/** The version of the package. */
export const version = (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string })
  .version;
