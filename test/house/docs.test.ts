import assert from 'node:assert/strict';
import { test } from 'node:test';

type Render = (page: object, table: unknown) => string;
const { render }: { render: Render } = await import(new URL('../../scripts/docs.mjs', import.meta.url).href);

const page = {
  page: 'fruits',
  title: 'Fruits',
  intro: 'All of them.',
  module: 'src/fruits.table.ts',
  columns: [
    ['Fruit', '*'],
    ['Colour', 'colour'],
  ],
};

test('a table becomes a page with one line per row', () => {
  const text = render(page, { apple: { colour: 'red | green' }, plum: { colour: 'blue' } });
  assert.match(
    text,
    /\| Fruit \| Colour \|\n\| --- \| --- \|\n\| `apple` \| red \\\| green \|\n\| `plum` \| blue \|\n$/,
  );
});

test('an array is shown by its indexes, without its holes', () => {
  const text = render(page, [undefined, { colour: 'red' }, undefined, { colour: 'blue' }]);
  assert.match(text, /\| `1` \| red \|\n\| `3` \| blue \|\n$/);
});

test('a field without a column fails rather than being left out', () => {
  assert.throws(() => render(page, { apple: { colour: 'red', weight: 1 } }), /weight, which has no column/);
});

test('a column without a field fails rather than being empty', () => {
  assert.throws(
    () => render({ ...page, omit: ['weight'] }, { apple: { colour: 'red' } }),
    /no row has the field weight/,
  );
});

test('an empty table fails', () => {
  assert.throws(() => render(page, {}), /has no rows/);
});
