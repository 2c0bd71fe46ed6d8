import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

interface Violation {
  readonly rule: string;
  readonly from: string;
  readonly to: string;
  readonly message: string;
}
type CheckRooms = (baseDir: string) => Promise<{ count: number; violations: Violation[] }>;

// The config and its runner are plain JavaScript without declarations, since dependency-cruiser loads them itself.
const load = (path: string) => import(new URL(path, import.meta.url).href);
const { checkRooms }: { checkRooms: CheckRooms } = await load('../../scripts/rooms.mjs');
const { rooms }: { rooms: Record<string, string[]> } = await load('../../.dependency-cruiser.mjs');

/** A small house that keeps every rule; each test below plants one violation into it. */
const soundHouse: Record<string, string> = {
  'package.json': JSON.stringify({
    type: 'module',
    imports: { '#native': './native/index.cjs', '#*': { source: './src/*/index.ts', default: './dist/*/index.js' } },
  }),
  'native/index.cjs': 'module.exports = {};',
  'src/base/index.ts': "export * from './clock.ts';",
  'src/base/clock.ts': 'export const now: number = 0;',
  'src/base/file.ts': "import * as native from '#native';\nexport const file = native;",
  'src/client/index.ts': "export { call } from './call.ts';",
  'src/client/call.ts': "import { now } from '#base';\nexport const call = now;",
  'src/vfs/index.ts': "import { call } from '#client';\nexport const lookup = call;",
  'src/vfs/lookup.test.ts': "import { getattr } from '#server';\nexport const used = getattr;",
  'src/server/index.ts': "export { getattr } from './meta/getattr.ts';",
  'src/server/meta/getattr.ts': "import { get } from '../kv/get.ts';\nexport const getattr = get;",
  'src/server/kv/get.ts': 'export const get = 1;',
  'test/posix/open.test.ts': "import { lookup } from '#vfs';\nexport const used = lookup;",
};

async function check(planted: Record<string, string>): Promise<{ count: number; found: string[] }> {
  const house = mkdtempSync(join(tmpdir(), 'rooms-'));
  try {
    for (const [path, text] of Object.entries({ ...soundHouse, ...planted })) {
      mkdirSync(join(house, dirname(path)), { recursive: true });
      writeFileSync(join(house, path), text);
    }
    const { count, violations } = await checkRooms(house);
    return { count, found: [...new Set(violations.map(({ rule, from }) => `${rule}: ${from}`))].sort() };
  } finally {
    rmSync(house, { recursive: true });
  }
}

test('a house that keeps the rules has no violations, and every source is looked at', async () => {
  const sources = Object.keys(soundHouse).filter((path) => path.endsWith('.ts'));
  assert.deepEqual(await check({}), { count: sources.length, found: [] });
});

const planted: { name: string; files: Record<string, string>; expected: string[] }[] = [
  {
    name: 'a room that looks up',
    files: { 'src/client/up.ts': "import { lookup } from '#vfs';\nexport const up = lookup;" },
    expected: ['look-down-only/client: src/client/up.ts'],
  },
  {
    name: 'a room that looks up for a type only',
    files: { 'src/client/up.ts': "import type { lookup } from '#vfs';\nexport type Up = typeof lookup;" },
    expected: ['look-down-only/client: src/client/up.ts'],
  },
  {
    name: 'a room that looks up with import()',
    files: { 'src/client/up.ts': "export const up = () => import('#vfs');" },
    expected: ['look-down-only/client: src/client/up.ts'],
  },
  {
    name: 'a client room that meets the server',
    files: { 'src/vfs/shortcut.ts': "export { getattr } from '#server';" },
    expected: ['look-down-only/vfs: src/vfs/shortcut.ts'],
  },
  {
    name: 'a room entered through a window',
    files: { 'src/vfs/window.ts': "export { call } from '../client/call.ts';" },
    expected: ['enter-by-specifier: src/vfs/window.ts', 'enter-by-the-door: src/vfs/window.ts'],
  },
  {
    name: 'a door reached by a relative path',
    files: { 'src/vfs/walk.ts': "export { call } from '../client/index.ts';" },
    expected: ['enter-by-specifier: src/vfs/walk.ts'],
  },
  {
    name: 'a test that enters a room through a window',
    files: { 'test/posix/window.test.ts': "export { call } from '../../src/client/call.ts';" },
    expected: ['enter-by-specifier: test/posix/window.test.ts', 'enter-by-the-door: test/posix/window.test.ts'],
  },
  {
    name: 'two files in a circle',
    files: {
      'src/base/chicken.ts': "import type { Egg } from './egg.ts';\nexport type Chicken = { lays: Egg };",
      'src/base/egg.ts': "import type { Chicken } from './chicken.ts';\nexport type Egg = { hatches: Chicken };",
    },
    expected: ['no-cycles: src/base/chicken.ts'],
  },
  {
    name: 'the addon imported by an unlisted file',
    files: { 'src/vfs/raw.ts': "import * as native from '#native';\nexport const raw = native;" },
    expected: ['native-only-from-its-users: src/vfs/raw.ts'],
  },
  {
    name: 'a room that is not in the table',
    files: { 'src/utils/index.ts': "import { now } from '#base';\nexport const later = now;" },
    expected: ['in-a-room: src/utils/index.ts'],
  },
  {
    name: 'an import that leads nowhere',
    files: { 'src/vfs/lost.ts': "export { gone } from '#gone';" },
    expected: ['resolvable: src/vfs/lost.ts'],
  },
];

for (const { name, files, expected } of planted) {
  test(`${name} is reported`, async () => {
    assert.deepEqual((await check(files)).found, expected);
  });
}

test('sources that the parser does not understand are not passed over', async () => {
  await assert.rejects(check({ 'src/vfs/broken.ts': 'export const = ;' }));
});

test('the table has floors: every room imports only rooms below itself', () => {
  const order: string[] = [];
  const visit = (room: string, path: readonly string[]): void => {
    assert(room in rooms, `${room} is not a room`);
    assert(!path.includes(room), `rooms in a circle: ${[...path, room].join(' → ')}`);
    if (order.includes(room)) return;
    for (const lower of rooms[room] ?? []) visit(lower, [...path, room]);
    order.push(room);
  };
  for (const room of Object.keys(rooms)) visit(room, []);
});

test('this house keeps the rules', async () => {
  const root = new URL('../..', import.meta.url).pathname;
  const { violations } = await checkRooms(root);
  assert.deepEqual(
    violations.map(({ message }) => message),
    [],
  );
  for (const entry of readdirSync(join(root, 'src'))) assert(entry in rooms, `src/${entry} is not a room of the table`);
});
