import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { Exports } from './exports.ts';

const parse = (text: string) => Exports.parse(text, 'exports');

test('a line names a volume, a path and clients with their options', () => {
  const exports = parse('projects:/a//b/ web1(rw,no_root_squash) web*\n');
  const web1 = exports.find('web1', 'projects')!;
  assert.deepEqual([web1.path, web1.readOnly, web1.squash], [['a', 'b'], false, 'none']);
  const web2 = exports.find('web2', 'projects')!;
  assert.deepEqual([web2.readOnly, web2.squash, web2.anonUid, web2.anonGid], [true, 'root', 65534, 65534]);
  assert.equal(exports.find('db1', 'projects'), undefined);
  assert.equal(exports.find('web1', 'default'), undefined);
});

test('the first rule that names a client decides', () => {
  const exports = parse('/ build*(ro)\n/home *(rw)\n');
  assert.deepEqual(exports.find('build7', 'default')!.path, []);
  assert.deepEqual(exports.find('desk', 'default')!.path, ['home']);
});

test('a pattern means whole names, and a dot means a dot', () => {
  const exports = parse('/ *.lab.example(rw) node?(rw)\n');
  const isNamed = (client: string) => exports.find(client, 'default') !== undefined;
  assert.deepEqual(['a.lab.example', 'a.labxexample', 'a.lab.example.org', 'node1', 'node12', 'xnode1'].map(isNamed), [
    true,
    false,
    false,
    true,
    false,
    false,
  ]);
});

test('comments, continued lines, quotes, octal bytes and options of the line are understood', () => {
  const exports = parse(
    '# all\n\n"/my files"/caf\\303\\251 -rw,anonuid=5 \\\n  one two(ro) # a comment\n/x#y three\n/käse four\n',
  );
  const one = exports.find('one', 'default')!;
  assert.deepEqual([one.path, one.readOnly, one.anonUid], [['my files', 'caf\xc3\xa9'], false, 5]);
  assert.equal(exports.find('two', 'default')!.readOnly, true);
  assert.deepEqual(exports.find('three', 'default')!.path, ['x#y']);
});

test('ids are mapped by ranges, and outside of them not at all', () => {
  const { uids, gids } = parse('/ *(rw,map_uid=100000:0:1000,map_uid=5:5000:1)').find('x', 'default')!;
  assert.deepEqual(
    [0, 999, 1000, 5000].map((id) => uids.toLocal(id)),
    [100000, 100999, undefined, 5],
  );
  assert.deepEqual(
    [100000, 100999, 5, 6].map((id) => uids.toRemote(id)),
    [0, 999, 5000, undefined],
  );
  assert.deepEqual([gids.toLocal(7), gids.toRemote(7)], [7, 7]);
});

for (const { text, message } of [
  { text: 'home *(rw)', message: /^exports:1: home: a line begins with VOLUME:\/PATH/ },
  { text: '\n/home', message: /^exports:2: \/home: no client is named; \* means every client/ },
  { text: '/a/../b *', message: /a path has no \. and no \.\./ },
  { text: '/ *(rx)', message: /^exports:1: rx: there is no such option; there are ro, rw, root_squash/ },
  { text: '/ *(rw=1)', message: /rw takes no value/ },
  { text: '/ *(constructor)', message: /there is no such option/ },
  { text: '/ *(anonuid=x)', message: /anonuid=x: an id is a number from 0 to 4294967294/ },
  { text: '/ *(anonuid)', message: /anonuid: an id is a number/ },
  { text: '/ *(map_uid=1:2)', message: /a range is LOCAL:REMOTE:COUNT/ },
  { text: '/ *(map_uid=0:0:0)', message: /a range is LOCAL:REMOTE:COUNT/ },
  { text: '/ *(map_uid=0:0:9,map_uid=100:8:1)', message: /an id of it is in another range already/ },
  { text: '/ *(map_gid=4294967294:0:2)', message: /the largest id is 4294967294/ },
  { text: '/ web (rw)', message: /\(rw\): a client is written NAME\(OPTIONS\), without spaces/ },
  { text: '/ web -rw', message: /options for the whole line come before its clients/ },
  { text: '/ 10.0.0.0\\/8(rw)', message: /a client is the name in its certificate/ },
]) {
  test(`"${text.trim()}" is refused with its line and what to do`, () => {
    assert.throws(() => parse(text), { name: 'FsError', status: 'invalid', message });
  });
}
