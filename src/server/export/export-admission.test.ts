import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { type Ino, rootIno } from '#base';
import { leases, O_RDWR } from '#protocol';
import { Exports } from '#security';
import { TestCluster } from '../cluster.testing.ts';
import { exportAdmission } from './export-admission.ts';

const { entries } = leases;

/** A cluster whose clients are named by their hosts; `/pub` is there. */
async function makeCluster(text: string) {
  let exports = Exports.parse(text, 'exports');
  const started: { cluster?: TestCluster } = {};
  const cluster = await TestCluster.start({
    admit: (peer, request) => {
      const volumes = new Map([['default', started.cluster!.server.volume]]);
      return exportAdmission(volumes, () => exports)(peer, request);
    },
  });
  started.cluster = cluster;
  const admin = await cluster.client('strict', 'admin');
  const pub = await cluster.wait(admin.mkdir('pub'));
  const change = (changed: string): void => {
    exports = Exports.parse(changed, 'exports');
  };
  return { cluster, admin, pub, change };
}

const usual = '/ admin(rw,no_root_squash)\n/pub desk*(rw,no_root_squash)\n';
const lock = { type: 'flock', owner: '0000000000000001', exclusive: true, start: 0, end: 9, pid: 1 } as const;

test('a client is granted and recalled leases by its own numbers', async () => {
  const { cluster, admin, pub } = await makeCluster(usual);
  const desk = await cluster.client('strict', 'desk1');
  assert.equal(desk.facts.root.ino, rootIno);
  assert.equal(await cluster.wait(desk.lookup('a')), undefined);
  assert(desk.holds(rootIno, entries.bit));
  await cluster.wait(admin.make('a', { parent: pub }));
  assert.deepEqual(
    desk.recalls.flatMap((recall) => recall.leases.map(({ ino, name }) => [ino, name])),
    [[rootIno, 'a']],
  );
  assert.equal((await cluster.wait(desk.lookup('a')))?.size, 0);
  await assert.rejects(cluster.wait(desk.getattr(pub)), { status: 'stale' });
});

test('whom the exports do not name is refused', async () => {
  const { cluster } = await makeCluster(usual);
  await assert.rejects(cluster.client('strict', 'stranger'), {
    status: 'accessDenied',
    message: 'the server exports nothing of the volume default to the client stranger',
  });
});

test('a repeated call is answered though what it names has left the export meanwhile', async () => {
  const { cluster, admin, pub } = await makeCluster(usual);
  const desk = await cluster.client('strict', 'desk1');
  const ino = await cluster.wait(desk.mkdir('d'));
  const request = { caller: { ...rootCaller }, ino, changes: { mode: 0o700 } };
  const place = { slot: 9, sequence: 1 };
  const first = await cluster.wait(desk.callIn(place, 'setattr', request));
  await cluster.wait(admin.rename('d', 'd', { from: pub, to: rootIno }));
  const again = await cluster.wait(desk.callIn(place, 'setattr', request));
  assert.deepEqual(again.reply, first.reply);
  await assert.rejects(cluster.wait(desk.callIn({ slot: 9, sequence: 2 }, 'setattr', request)), { status: 'stale' });
});

test('a lock needs an open file within the export', async () => {
  const { cluster, admin } = await makeCluster(usual);
  const desk = await cluster.client('strict', 'desk1');
  const secret = await cluster.wait(admin.make('secret', { open: true }));
  const own = await cluster.wait(desk.make('own'));
  const take = (ino: Ino) => cluster.wait(desk.session('lock', { ino, lock, wait: false, request: 1 }));
  await assert.rejects(take(secret), { status: 'badHandle' });
  await assert.rejects(take(own), { status: 'badHandle' });
  await assert.rejects(cluster.wait(desk.session('testLock', { ino: secret, lock })), { status: 'badHandle' });
  await cluster.wait(desk.open(own, O_RDWR));
  assert.equal(await take(own), 'granted');
});

test('after a restart a client has its unlinked files back, but not those of others', async () => {
  const { cluster, admin } = await makeCluster(usual);
  const desk = await cluster.client('strict', 'desk1');
  const mine = await cluster.wait(desk.make('f', { open: true }));
  await cluster.wait(desk.write(mine, 'mine'));
  await cluster.wait(desk.unlink('f'));
  const secret = await cluster.wait(admin.make('s', { open: true }));
  await cluster.wait(admin.unlink('s'));
  await cluster.restart();
  await cluster.wait(admin.attach());
  await cluster.wait(admin.session('reclaim', { opens: [{ ino: secret, count: 1 }], locks: [], done: true }));
  await cluster.wait(desk.attach());
  const opens = [mine, secret].map((ino) => ({ ino, count: 1 }));
  const { lostOpens } = await cluster.wait(desk.session('reclaim', { opens, locks: [], done: true }));
  assert.deepEqual(lostOpens, [secret]);
  assert.equal(await cluster.wait(desk.read(mine)), 'mine');
  await assert.rejects(cluster.wait(desk.read(secret)), { status: 'badHandle' });
});

test('a session whose export has changed is over when it attaches again; another goes on', async () => {
  const { cluster, change } = await makeCluster(usual);
  const desk = await cluster.client('strict', 'desk1');
  change(`${usual}# read again\n`);
  await cluster.wait(desk.attach());
  change('/ admin(rw,no_root_squash)\n/ desk*(rw,no_root_squash)\n');
  await assert.rejects(cluster.wait(desk.attach()), { status: 'stale' });
  change('/ admin(rw)\n');
  await assert.rejects(cluster.client('strict', 'desk1'), { status: 'accessDenied' });
});

const rootCaller = {
  uid: 0,
  gid: 0,
  checked: false,
  identity: 'known',
  inGroup: () => true,
  groups: () => [],
  capable: () => true,
} as const;
