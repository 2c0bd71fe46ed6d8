/**
 * Checks the import rules of .dependency-cruiser.mjs: `npm run rooms`. The command line of dependency-cruiser
 * passes happily when it understood no file at all, so this counts what was cruised.
 */

import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import Visitor from '@swc/core/Visitor.js';
import { cruise } from 'dependency-cruiser';
import config from '../.dependency-cruiser.mjs';

// The parser knows `using` declarations, the visitor that comes with it does not yet, and throws.
const { visitStatement } = Visitor.Visitor.prototype;
Visitor.Visitor.prototype.visitStatement = function visit(statement) {
  return statement.type === 'UsingDeclaration' ? statement : visitStatement.call(this, statement);
};

const root = resolve(fileURLToPath(import.meta.url), '../..');

/** The TypeScript sources below the given folders of `baseDir`, as relative paths. */
function sourcesIn(baseDir, folders) {
  return folders
    .flatMap((folder) => readdirSync(join(baseDir, folder), { recursive: true }).map((name) => join(folder, name)))
    .filter((name) => name.endsWith('.ts'));
}

/**
 * Cruises the house at `baseDir` and returns its sentences of complaint, none when all is well. Throws when a
 * source was not looked at.
 */
export async function checkRooms(baseDir) {
  const folders = ['src', 'test', 'bench'].filter((folder) => existsSync(join(baseDir, folder)));
  const sources = sourcesIn(baseDir, folders);
  const { output } = await cruise(folders, {
    ...config.options,
    baseDir,
    validate: true,
    ruleSet: { forbidden: config.forbidden },
  });
  const cruised = new Set(output.modules.map((module) => module.source));
  const missed = sources.filter((source) => !cruised.has(source));
  if (sources.length === 0 || missed.length > 0) {
    throw new Error(
      `dependency-cruiser looked at ${sources.length - missed.length} of ${sources.length} sources; not at ${missed.join(', ')}`,
    );
  }
  const comments = new Map(config.forbidden.map((rule) => [rule.name, rule.comment]));
  const violations = output.summary.violations.map(({ rule, from, to, cycle }) => {
    const path = cycle ? cycle.map((step) => step.name).join(' → ') : to;
    return { rule: rule.name, from, to, message: `${rule.name}: ${from} → ${path}. ${comments.get(rule.name)}` };
  });
  return { count: sources.length, violations };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { count, violations } = await checkRooms(root);
  for (const violation of violations) console.error(violation.message);
  console.log(`rooms: ${count} sources, ${violations.length} violations`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}
