import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { isLoopback, parseHostPort, parseListen, parseServers, showHostPort } from './addresses.ts';

for (const [text, host, port] of [
  ['files', 'files', 9300],
  ['files.example.org:80', 'files.example.org', 80],
  ['10.0.0.1:9301', '10.0.0.1', 9301],
  ['[::1]', '::1', 9300],
  ['[fe80::1%eth0]:9', 'fe80::1%eth0', 9],
  ['2001:db8::1', '2001:db8::1', 9300],
] as const) {
  test(`${text} is ${host} at port ${port}`, () => {
    assert.deepEqual(parseHostPort(text, ''), { host, port });
  });
}

for (const [text, message] of [
  ['', /there is no host/],
  ['a b', /a b is no host name/],
  [':9300', /there is no host/],
  ['host:', /a port is a number/],
  ['host:70000', /a port is a number/],
  ['host:9x', /a port is a number/],
  ['a:b:c', /in brackets/],
  ['[10.0.0.1]:5', /in brackets/],
  ['[::1', /in brackets/],
  ['-x', /-x is no host name/],
] as const) {
  test(`${text || 'nothing'} is no address`, () => {
    assert.throws(() => parseHostPort(text, '--listen'), { status: 'invalid', message });
  });
}

test('servers are separated by commas, and a listener may name every address', () => {
  assert.deepEqual(parseServers('a:1, [::1]:2', '').map(showHostPort), ['a:1', '[::1]:2']);
  assert.deepEqual(parseListen(':9300', ''), { host: '::', port: 9300 });
  assert.deepEqual(parseListen('0.0.0.0', ''), { host: '0.0.0.0', port: 9300 });
});

test('loopback is what no other machine reaches', () => {
  const is = (text: string) => isLoopback(parseListen(text, ''));
  assert.deepEqual(['localhost:1', '127.1.2.3', '[::1]:5'].map(is), [true, true, true]);
  assert.deepEqual([':5', '0.0.0.0', '10.0.0.1', 'files', '[::]:1'].map(is), [false, false, false, false, false]);
});
