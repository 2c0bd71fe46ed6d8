import assert from 'node:assert/strict';
import { test } from 'node:test';
import { golden } from './golden.testing.ts';
import * as wire from './wire.table.ts';

// uapi/linux/fuse.h 7.45, by sizeof.
const sizes: Partial<Record<keyof typeof wire, number>> = {
  InHeader: 40,
  OutHeader: 16,
  Attr: 88,
  EntryHead: 128 - 88,
  AttrHead: 104 - 88,
  OpenOut: 16,
  StatxOut: 288,
  InitIn: 64,
  InitOut: 64,
  GetattrIn: 16,
  SetattrIn: 88,
  ReadIn: 40,
  WriteIn: 40,
  ReleaseIn: 24,
  IoctlIn: 32,
  IoctlOut: 16,
  StatfsOut: 80,
  CopyFileRangeIn: 56,
};

test('structs have the sizes of the kernel header', () => {
  const declared = Object.fromEntries(Object.entries(wire).map(([name, window]) => [name, window.size]));
  assert.deepEqual({ ...declared, ...sizes }, declared);
});

test('fields lie where the kernel puts them', () => {
  const [init] = golden('protocol-45');
  const view = new DataView(init!.request.buffer, init!.request.byteOffset);
  const header = new wire.InHeader().at(view, 0);
  assert.deepEqual([header.length, header.opcode, header.uniqueLow, header.nodeid], [104, 26, 2, 0]);
  const offer = new wire.InitIn().at(view, 40);
  assert.deepEqual([offer.major, offer.minor, offer.maxReadahead], [7, 45, 131_072]);
});
