import { strict as assert } from 'node:assert';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ClusterSite } from './cluster-site.ts';
import { withHosts } from './hosts.ts';
import { startProgram } from './mounted.ts';

const run = promisify(execFile);
const appender = fileURLToPath(new URL('cluster-program.ts', import.meta.url));
/** Short, so that waiting for a silent client is short. */
const ttlSeconds = 4;

test('what one host changes the other sees at once', withHosts, async () => {
  await using site = await ClusterSite.make(['a', 'b']);
  const [a, b] = [await site.mount('a'), await site.mount('b')];
  await assert.rejects(stat(join(b, 'file')), { code: 'ENOENT' });
  await writeFile(join(a, 'file'), 'one');
  assert.equal(await readFile(join(b, 'file'), 'utf8'), 'one');
  await appendFile(join(b, 'file'), ' two');
  assert.equal((await stat(join(a, 'file'))).size, 7);
  assert.equal(await readFile(join(a, 'file'), 'utf8'), 'one two');
  await rename(join(a, 'file'), join(a, 'other'));
  assert.deepEqual(await readdir(b), ['other']);
  await assert.rejects(stat(join(b, 'file')), { code: 'ENOENT' });
  await mkdir(join(b, 'directory'));
  await rm(join(b, 'other'));
  assert.deepEqual(await readdir(a), ['directory']);
  // An open file without a name stays usable on the host that has it open.
  await writeFile(join(a, 'orphan'), 'kept');
  await using handle = await open(join(a, 'orphan'), 'r+');
  await rm(join(b, 'orphan'));
  assert.equal((await handle.readFile()).toString(), 'kept');
});

test('appends of two hosts to one log lose nothing', withHosts, async () => {
  await using site = await ClusterSite.make(['a', 'b']);
  const mounts = [await site.mount('a'), await site.mount('b')];
  const programs = mounts.map((mountpoint, index) => append(join(mountpoint, 'log'), `host${index}`, 200));
  for (const program of programs) assert.equal((await program.ended).length, 200);
  const records = (await readFile(join(mounts[0]!, 'log'), 'utf8')).trimEnd().split('\n');
  assert.equal(records.length, 400);
  assert.equal(new Set(records).size, 400);
});

test('a lock excludes processes of all hosts, and a waiter gets it when it is released', withHosts, async () => {
  await using site = await ClusterSite.make(['a', 'b']);
  const [a, b] = [await site.mount('a'), await site.mount('b')];
  await writeFile(join(a, 'lock'), '');
  const holder = spawn('flock', [join(a, 'lock'), 'sh', '-c', 'echo held; read -r line'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout!, 'data');
  await assert.rejects(run('flock', ['--nonblock', join(b, 'lock'), 'true']), { code: 1 });
  const waiter = run('flock', [join(b, 'lock'), 'echo', 'mine']);
  await pause(100);
  holder.stdin?.end('\n');
  assert.equal((await waiter).stdout, 'mine\n');
});

test('a database is used from two hosts through its locks', withHosts, async () => {
  await using site = await ClusterSite.make(['a', 'b']);
  const mounts = [await site.mount('a'), await site.mount('b')];
  const sql = (index: number, statement: string): Promise<{ stdout: string }> =>
    run('sqlite3', ['-cmd', '.timeout 60000', join(mounts[index]!, 'base'), statement]);
  await sql(0, 'create table t (who, n)');
  const insert = async (index: number): Promise<void> => {
    for (let n = 0; n < 15; n++) await sql(index, `insert into t values (${index}, ${n})`);
  };
  await Promise.all([insert(0), insert(1)]);
  assert.equal((await sql(0, 'select count(*) from t; pragma integrity_check')).stdout, '30\nok\n');
});

test('git works on one host while the other reads', withHosts, async () => {
  await using site = await ClusterSite.make(['a', 'b']);
  const [a, b] = [await site.mount('a'), await site.mount('b')];
  const git = (directory: string, ...args: string[]): Promise<{ stdout: string }> =>
    run('git', [
      '-C',
      directory,
      '-c',
      'user.name=x',
      '-c',
      'user.email=x@localhost',
      '-c',
      'safe.directory=*',
      ...args,
    ]);
  await git(a, 'init', '-q', '-b', 'main', 'work');
  for (let n = 0; n < 5; n++) {
    await writeFile(join(a, 'work', `file${n}`), `${n}\n`.repeat(1000));
    await git(join(a, 'work'), 'add', '.');
    await git(join(a, 'work'), 'commit', '-q', '-m', `commit ${n}`);
    const log = await git(join(b, 'work'), 'log', '--format=%s', '-1');
    assert.equal(log.stdout, `commit ${n}\n`);
  }
  await git(join(b, 'work'), 'fsck', '--strict');
  assert.equal((await git(join(b, 'work'), 'status', '--porcelain')).stdout, '');
});

test('a host that dies holds nobody up for longer than its session', withHosts, async () => {
  await using site = await ClusterSite.make(['a', 'b']);
  await site.stopServer();
  await site.serve('--session-ttl', String(ttlSeconds));
  const [a, b] = [await site.mount('a'), await site.mount('b')];
  await writeFile(join(a, 'file'), 'before');
  const holder = spawn('flock', [join(a, 'file'), 'sh', '-c', 'echo held; read -r line'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout!, 'data');
  process.kill(await site.daemonPid('a'), 'SIGKILL');
  await writeFile(join(b, 'file'), 'after');
  await run('flock', [join(b, 'file'), 'true']);
  assert.equal(await readFile(join(b, 'file'), 'utf8'), 'after');
  holder.kill('SIGKILL');
});

test('a host that stood still serves and writes nothing stale', withHosts, async () => {
  await using site = await ClusterSite.make(['a', 'b']);
  await site.stopServer();
  await site.serve('--session-ttl', String(ttlSeconds));
  const [a, b] = [await site.mount('a'), await site.mount('b')];
  await writeFile(join(a, 'file'), 'before');
  await readFile(join(a, 'file'), 'utf8');
  await stat(join(a, 'file'));
  const pid = await site.daemonPid('a');
  process.kill(pid, 'SIGSTOP');
  // Waits until the session of the silent host is over.
  await writeFile(join(b, 'file'), 'what came after');
  await writeFile(join(b, 'new'), '');
  process.kill(pid, 'SIGCONT');
  assert.equal((await stat(join(a, 'file'))).size, 15);
  assert.equal(await readFile(join(a, 'file'), 'utf8'), 'what came after');
  assert.deepEqual((await readdir(a)).sort(), ['file', 'new']);
});

test('a cable that is pulled and put back makes applications wait, and nothing else', withHosts, async () => {
  await using site = await ClusterSite.make(['a', 'b']);
  const [a, b] = [await site.mount('a'), await site.mount('b')];
  const program = append(join(a, 'log'), 'a', 300);
  await program.has(50);
  await site.machine('a').host.unplug();
  await pause(2000);
  await site.machine('a').host.plug();
  assert.equal((await program.ended).length, 300);
  const records = (await readFile(join(b, 'log'), 'utf8')).trimEnd().split('\n');
  assert.deepEqual(
    records.map((record) => Number(record.split(' ')[1])),
    numbers(300),
  );
});

test('a server that is killed and started again has lost and doubled nothing', withHosts, async () => {
  await using site = await ClusterSite.make(['a', 'b']);
  const mounts = [await site.mount('a'), await site.mount('b')];
  const programs = mounts.map((mountpoint, index) => append(join(mountpoint, 'log'), `host${index}`, 400));
  for (let kills = 1; kills <= 3; kills++) {
    for (const program of programs) await program.has(100 * kills);
    await site.killServer();
    await site.serve();
  }
  for (const program of programs) assert.equal((await program.ended).length, 400);
  const records = (await readFile(join(mounts[0]!, 'log'), 'utf8')).trimEnd().split('\n');
  for (const index of [0, 1]) {
    const own = records.filter((record) => record.startsWith(`host${index} `));
    assert.deepEqual(
      own.map((record) => Number(record.split(' ')[1])),
      numbers(400),
    );
  }
  for (const name of ['a', 'b']) await site.umount(name);
  assert.equal(await site.stopServer(), 0);
  const fsck = await site.cfs('server', 'fsck', join(site.store, 'volumes/default'));
  assert.equal(fsck.code, 0, fsck.stdout + fsck.stderr);
});

interface Appender {
  readonly program: ChildProcess;
  /** The numbers of the acknowledged records, once it has ended well. */
  readonly ended: Promise<number[]>;
  /** Waits until so many records were acknowledged. */
  has(count: number): Promise<void>;
}

function append(log: string, token: string, count: number): Appender {
  const program = startProgram(appender, [log, token, String(count)]);
  let output = '';
  let heard = Promise.withResolvers<void>();
  program.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    heard.resolve();
    heard = Promise.withResolvers<void>();
  });
  const lines = (): string[] => output.split('\n').slice(0, -1);
  const ended = once(program, 'close').then(([code]) => {
    assert.equal(code, 0, `an application of ${token} failed`);
    return lines().map(Number);
  });
  ended.catch(() => undefined);
  const has = async (least: number): Promise<void> => {
    while (lines().length < least) await Promise.race([heard.promise, ended]);
  };
  return { program, ended, has };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
