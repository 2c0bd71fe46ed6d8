/**
 * Captures the golden frames of this room from the kernel it runs on: mounts the in-memory file system (as root),
 * makes every kind of request in it, and writes `golden/*.json`. Needs python3 for the calls that Node lacks.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Each kind of request at least once; names and data are short. */
const workload = `
import os, stat, ctypes, fcntl, struct, subprocess
libc = ctypes.CDLL(None, use_errno=True)
def attempt(f, *a):
    try: return f(*a)
    except OSError as e: return e
fd = os.open('file', os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o640)
os.write(fd, b'hello world'); os.pread(fd, 5, 0); os.fsync(fd); os.fdatasync(fd)
os.lseek(fd, 0, os.SEEK_DATA); os.lseek(fd, 0, os.SEEK_HOLE); attempt(os.lseek, fd, 99, os.SEEK_DATA)
os.posix_fallocate(fd, 0, 8192); os.ftruncate(fd, 100)
other = os.open('other', os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
os.copy_file_range(fd, other, 50, 0) if False else attempt(os.copy_file_range, fd, other, 50, 0, 0)
os.write(other, b'more'); os.close(other)
plain = os.open('plain', os.O_CREAT | os.O_RDWR, 0o600); os.copy_file_range(fd, plain, 50, 0, 0); os.close(plain)
os.close(fd)
attempt(os.stat, 'absent'); os.truncate('file', 3); os.open('file', os.O_RDONLY | os.O_TRUNC)
os.chmod('file', 0o4755); os.chown('file', 1000, 1001); os.chown('file', -1, -1)
os.utime('file', ns=(-1_500_000_000, 4_294_967_296_000_000_007)); os.utime('file')
os.mkdir('directory', 0o2775); os.mkfifo('directory/fifo'); os.mknod('directory/device', stat.S_IFCHR | 0o600, os.makedev(1, 300))
os.symlink('some/where', 'link'); os.readlink('link'); os.link('file', 'directory/second')
os.rename('other', 'directory/third')
libc.renameat2(-100, b'file', -100, b'renamed', 1); libc.renameat2(-100, b'renamed', -100, b'directory', 2)
os.setxattr('renamed', 'user.name', b'value'); os.getxattr('renamed', 'user.name'); os.listxattr('renamed')
attempt(os.getxattr, 'renamed', 'user.absent'); os.removexattr('renamed', 'user.name')
for i in range(40): open('directory/entry%02d' % i, 'w').close()
os.listdir('directory')
for entry in os.scandir('directory'): entry.stat(follow_symlinks=False)
d = os.open('directory', os.O_RDONLY | os.O_DIRECTORY); os.fsync(d); os.close(d)
t = attempt(os.open, '.', os.O_TMPFILE | os.O_RDWR, 0o600)
if isinstance(t, int): os.write(t, b'nameless'); os.close(t)
os.statvfs('.')
subprocess.run(['stat', '-c', '%w', 'renamed'], stdout=subprocess.DEVNULL)
f = os.open('renamed', os.O_RDONLY)
for request, size in ((0x80086601, 8), (0x801c581f, 28), (0x5401, 0)): attempt(fcntl.ioctl, f, request, bytes(max(size, 4)))
attempt(fcntl.ioctl, f, 0x40086602, struct.pack('<Q', 0x80)); attempt(fcntl.ioctl, f, 0x40086602, struct.pack('<Q', 0))
attempt(fcntl.ioctl, f, 0x401c5820, struct.pack('<IIIII8x', 0x80, 0, 0, 0, 0))
os.close(f)
handle = ctypes.create_string_buffer(128); struct.pack_into('<Ii', handle, 0, 120, 0); mount_id = ctypes.c_int()
libc.name_to_handle_at(-100, b'directory', handle, ctypes.byref(mount_id), 0)
for name in os.listdir('directory'): os.unlink('directory/' + name)
attempt(os.rmdir, 'directory'); os.unlink('renamed'); os.unlink('link'); os.unlink('plain')
open('/proc/sys/vm/drop_caches', 'w').write('2')
p = os.open('.', os.O_RDONLY)
libc.open_by_handle_at(p, handle, 0); os.close(p)
`;

async function capture(protocolMinor: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'cfs-golden-'));
  const record = `${directory}.json`;
  const options = JSON.stringify({ record, protocolMinor, passthrough: false });
  const toy = join(import.meta.dirname, 'toy-mount.testing.ts');
  const child = spawn(process.execPath, ['--conditions=source', toy, directory, options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const ended = once(child, 'exit');
  const done = spawn('python3', ['-c', workload], { cwd: directory, stdio: 'inherit' });
  await once(done, 'exit');
  spawnSync('umount', [directory], { stdio: 'inherit' });
  await ended;
  const frames = JSON.parse(readFileSync(record, 'utf8')) as { kind: string; hex: string }[];
  const exchanges = pair(frames).map((exchange) => JSON.stringify(exchange));
  writeFileSync(
    join(import.meta.dirname, 'golden', `protocol-${protocolMinor}.json`),
    `[\n${exchanges.join(',\n')}\n]\n`,
  );
  rmSync(record);
  rmdirSync(directory);
}

/** Every request with its reply, which has the same `unique`. */
function pair(frames: readonly { kind: string; hex: string }[]): [string, string | null][] {
  const uniqueOf = (hex: string, at: number): string => hex.slice(at * 2, at * 2 + 16);
  const replies = new Map(
    frames.filter(({ kind }) => kind === 'reply').map(({ hex }) => [uniqueOf(hex, 8), hex] as const),
  );
  return frames.filter(({ kind }) => kind === 'request').map(({ hex }) => [hex, replies.get(uniqueOf(hex, 8)) ?? null]);
}

await capture(45);
await capture(31);
