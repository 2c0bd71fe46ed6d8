import { strict as assert } from 'node:assert';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(import.meta.url), '../../..');

/** The lines of SEMANTICS.md that promise something end in the names of tests: `… — tested by "name", "name"`. */
const promises = readFileSync(join(root, 'docs/SEMANTICS.md'), 'utf8')
  .split(/\n(?=[*#|])/)
  .filter((line) => line.startsWith('* '));

const sources = globSync('{src,test,native}/**/*.{test,facts}.ts', { cwd: root })
  .map((file) => readFileSync(join(root, file), 'utf8'))
  .join('\n');

test('every promise of SEMANTICS.md names a test, and every test that it names exists', () => {
  assert(promises.length > 20, `only ${promises.length} promises were found`);
  for (const promise of promises) {
    const text = promise.replaceAll(/\s+/g, ' ');
    const [, named] = text.split('Tested by ');
    assert(named !== undefined, `no test is named by: ${text}`);
    const names = [...named.matchAll(/“([^”]+)”/g)].map((match) => match[1] ?? '');
    assert(names.length > 0, `no test is named by: ${text}`);
    for (const name of names) assert(sources.includes(name), `there is no test “${name}”, named by: ${text}`);
  }
});
