import assert from 'node:assert/strict';
import { test } from 'node:test';
import { O_APPEND, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, S_IFREG } from '#protocol';
import { chooseOpenMode, type OpenFacts, type OpenMode } from './open-mode.ts';

const plain: OpenFacts = {
  canPassThrough: true,
  flags: O_RDWR,
  created: false,
  mode: S_IFREG | 0o644,
  hasFileCapabilities: false,
  storage: 'blob',
  mayCache: true,
  joined: undefined,
};

const setuid = { mode: S_IFREG | 0o4755 };
const setgid = { mode: S_IFREG | 0o2755 };

/** Row by row: what is opened, and how. */
const rows: [string, Partial<OpenFacts>, OpenMode][] = [
  ['a blob, to read', { flags: O_RDONLY }, 'passthrough'],
  ['a blob, to write', { flags: O_WRONLY }, 'passthrough'],
  ['a blob, to append', { flags: O_WRONLY | O_APPEND }, 'passthroughDirect'],
  ['a blob with setuid, to read', { flags: O_RDONLY, ...setuid }, 'passthrough'],
  ['a blob with setuid, to write', setuid, 'passthroughDirect'],
  ['a blob with setgid, to write', setgid, 'passthroughDirect'],
  ['a blob with capabilities, to write', { hasFileCapabilities: true }, 'passthroughDirect'],
  ['a new file, to write only', { flags: O_WRONLY, created: true, storage: 'inline' }, 'direct'],
  ['a new file, to read and write', { created: true, storage: 'inline' }, 'passthrough'],
  ['a truncated file, to write only', { flags: O_WRONLY | O_TRUNC }, 'direct'],
  ['a small file, to write only', { flags: O_WRONLY, storage: 'inline' }, 'direct'],
  ['a small file, to read', { flags: O_RDONLY, storage: 'inline' }, 'cached'],
  ['a blob that nobody may register', { canPassThrough: false }, 'cached'],
  ['a small file that nobody may register', { canPassThrough: false, storage: 'inline' }, 'cached'],
  ['one open through the page cache', { joined: 'cached' }, 'cached'],
  ['one open through the page cache, to write only', { joined: 'cached', flags: O_WRONLY | O_TRUNC }, 'cached'],
  ['one open by passthrough', { joined: 'passthrough', flags: O_RDONLY, storage: 'inline' }, 'passthrough'],
  ['one open by passthrough, truncated', { joined: 'passthrough', flags: O_WRONLY | O_TRUNC }, 'passthrough'],
  ['one open by passthrough, now setuid', { joined: 'passthrough', ...setuid }, 'passthroughDirect'],
  ['one open by both, to read', { joined: 'passthroughDirect', flags: O_RDONLY }, 'passthrough'],
];

for (const [what, facts, mode] of rows) {
  test(`${what}, opens ${mode}`, () => assert.equal(chooseOpenMode({ ...plain, ...facts }), mode));
}
