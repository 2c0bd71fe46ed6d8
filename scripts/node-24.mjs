/**
 * Finds the Node that ClaudeFS needs, for scripts that must start under an older one (any from 18 on): the running
 * one, $CFS_NODE, or the one that npm installed as a package.
 */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const neededMajor = 24;

const majorOf = (version) => Number(/^v?(\d+)/.exec(version)?.[1] ?? 0);

export function requireNode24() {
  if (majorOf(process.version) >= neededMajor) return process.execPath;
  const packaged = fileURLToPath(new URL(`../node_modules/node-linux-${process.arch}/bin/node`, import.meta.url));
  for (const candidate of [process.env.CFS_NODE, packaged]) {
    if (!candidate || !existsSync(candidate)) continue;
    if (majorOf(execFileSync(candidate, ['--version'], { encoding: 'utf8' })) >= neededMajor) return candidate;
  }
  throw new Error(`Node.js ${neededMajor} or newer is needed: run \`npm ci\`, which brings one along, or set CFS_NODE`);
}
