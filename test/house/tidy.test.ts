import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';

const root = new URL('../..', import.meta.url).pathname;
const lineLimit = 400;
const nobodysNames = /^(?:utils?|helpers?|managers?|common|misc)\b/;
/** Wall time, chance and timers outside base make a simulation that does not replay. */
const uncontrolled = /\b(?:Date\.now|Math\.random|performance\.now|process\.hrtime|set(?:Timeout|Interval))\s*[(.]/;

interface Source {
  readonly path: string;
  readonly lines: string[];
}

const sources: Source[] = ['src', 'test', 'bench', 'scripts']
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((name) => `${folder}/${name}`))
  .filter((path) => /\.(?:ts|mjs)$/.test(path))
  .map((path) => ({ path, lines: readFileSync(join(root, path), 'utf8').split('\n') }));

test('files stop at 400 lines, tables exempt', () => {
  const long = sources.filter(({ path, lines }) => !path.endsWith('.table.ts') && lines.length - 1 > lineLimit);
  assert.deepEqual(
    long.map(({ path, lines }) => `${path}: ${lines.length - 1} lines`),
    [],
  );
});

test('no file or folder has a name that says nothing', () => {
  const named = sources.filter(({ path }) => path.split('/').some((part) => nobodysNames.test(basename(part))));
  assert.deepEqual(
    named.map(({ path }) => path),
    [],
  );
});

test('clock, chance and timers are reached for in base only', () => {
  const found = sources
    .filter(
      ({ path }) =>
        path.startsWith('src/') && !path.startsWith('src/base/') && !/\.(?:test|testing|contract)\.ts$/.test(path),
    )
    .flatMap(({ path, lines }) =>
      lines.flatMap((line, index) => {
        const code = line.replace(/\/\/.*|^\s*\*.*/, '');
        return uncontrolled.test(code) ? [`${path}:${index + 1}: ${line.trim()}`] : [];
      }),
    );
  assert.deepEqual(found, []);
});

test('CI runs the test command that README gives', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const command = /^scripts\/.* && npm test$/m.exec(readme)?.[0];
  assert(command, 'README gives no test command');
  const script = readFileSync(join(root, '.ci/run'), 'utf8');
  const steps =
    script
      .split('\n')
      .find((line) => line.startsWith('scripts/'))
      ?.split(' && ') ?? [];
  assert.deepEqual(
    steps.filter((step) => step !== 'npm run check').map((step) => step.replace(' --silent', '')),
    command.split(' && '),
  );
});

test('links between our pages lead somewhere', () => {
  const pages = ['README.md', 'ARCHITECTURE.md', 'STYLE.md', 'CHANGELOG.md', 'docs/plan.md', 'docs/SEMANTICS.md'];
  const broken = pages.flatMap((page) => {
    const text = readFileSync(join(root, page), 'utf8');
    const targets = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '');
    return targets
      .filter((target) => !existsSync(join(root, page, '..', target)))
      .map((target) => `${page}: ${target}`);
  });
  assert.deepEqual(broken, []);
});
