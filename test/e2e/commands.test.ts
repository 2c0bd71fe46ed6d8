import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { mounting, Site } from './mounted.ts';

test('completion completes commands and their options in bash', async () => {
  await using site = new Site();
  const { stdout } = await site.cfs('completion', 'bash');
  const complete = (line: string, word: string): string[] =>
    execFileSync('bash', [
      '-c',
      `${stdout}\nCOMP_LINE=${JSON.stringify(line)} COMP_CWORD=$((${line.split(' ').length} - 1)) _cfs cfs ${JSON.stringify(word)} x; echo "\${COMPREPLY[@]}"`,
    ])
      .toString()
      .trim()
      .split(' ');
  assert.deepEqual(complete('cfs um', 'um'), ['umount']);
  assert(complete('cfs mount --no-pa', '--no-pa').some((word) => word.endsWith('passthrough')));
});

for (const [args, code, sentence] of [
  [['mount'], 2, /missing required argument 'dir'/],
  [['mount', '/nonexistent/place', '-f'], 1, /does not exist/],
  [['mount', '/etc/passwd', '-f'], 1, /not a directory/],
  [['mount', '/tmp', '-o', 'nonsense'], 2, /there is no mount option nonsense/],
  [['mount', '/etc', '-f', '-o', 'allow_other,nodefault_permissions'], 2, /nodefault_permissions needs noallow_other/],
  [['mount', '/tmp', '-o', 'attr_timeout=soon'], 2, /attr_timeout is a number of seconds/],
  [['mount', '/tmp', '--protocol', '7.12'], 2, /protocol is 7\.31 or newer/],
  [['umount', '/tmp'], 1, /is not mounted|of type/],
  [['fsck', '/nonexistent/store'], 8, /there is no store/],
  [['completion', 'tcsh'], 2, /no script for tcsh/],
  [['frobnicate'], 2, /unknown command/],
] as const) {
  test(`cfs ${args.join(' ')} fails with ${code} and one sentence`, async () => {
    await using site = new Site();
    const finished = await site.cfs(...args, ...(args.includes('-f' as never) ? ['--store', site.store] : []));
    assert.equal(finished.code, code, finished.stderr);
    assert.match(finished.stderr, sentence);
    assert(!finished.stderr.includes('    at '), 'no stack is shown');
  });
}

test('doctor and status speak JSON', async () => {
  await using site = new Site();
  assert.deepEqual(JSON.parse((await site.cfs('status', '--json')).stdout), []);
  const checks = JSON.parse((await site.cfs('doctor', '--json')).stdout) as { check: string; result: string }[];
  assert(checks.some(({ check }) => check === 'kernel'));
  assert(checks.every(({ result }) => ['ok', 'warn', 'fail'].includes(result)));
});

test('a switch that is on goes off by -o as by its flag', mounting, async () => {
  for (const options of [['-o', 'nopassthrough'], ['--no-passthrough'], ['-o', 'passthrough', '--no-passthrough']]) {
    await using site = new Site();
    await site.mount(...options);
    const [mount] = JSON.parse((await site.cfs('status', '--json')).stdout) as {
      passthrough: { on: boolean; reason: string };
    }[];
    assert.deepEqual(mount?.passthrough.on, false, options.join(' '));
    assert.match(mount.passthrough.reason, /turned off/);
  }
});
