import { type Ino, s53, struct, u32, u53 } from '#base';
import type { Attributes } from '../attributes.ts';
import type { Field } from './field.ts';
import { bool, s53 as s53Field, u32 as u32Field, u53 as u53Field } from './field.ts';
import { measured } from './record.ts';

const AttributesStruct = struct('attributes', 108, {
  ino: u53,
  mode: u32,
  nlink: u32,
  uid: u32,
  gid: u32,
  rdev: u32,
  flags: u32,
  size: u53,
  blocks: u53,
  atimeSec: s53,
  mtimeSec: s53,
  ctimeSec: s53,
  btimeSec: s53,
  dataVersion: u53,
  atimeNsec: u32,
  mtimeNsec: u32,
  ctimeNsec: u32,
  btimeNsec: u32,
  marks: u32,
});

const marks = { hasAcl: 1, hasFileCapabilities: 2 } as const;
const window = new AttributesStruct();
const place = (view: DataView, offset: number): void => void window.at(view, offset);

/** A fixed struct, since most replies are one: written and read in place. */
const inPlace: Field<Attributes> = {
  shape: {
    kind: 'record',
    fields: {
      ino: u53Field(),
      mode: u32Field,
      nlink: u32Field,
      uid: u32Field,
      gid: u32Field,
      rdev: u32Field,
      size: u53Field(),
      blocks: u53Field(),
      atimeSec: s53Field,
      atimeNsec: u32Field,
      mtimeSec: s53Field,
      mtimeNsec: u32Field,
      ctimeSec: s53Field,
      ctimeNsec: u32Field,
      btimeSec: s53Field,
      btimeNsec: u32Field,
      flags: u32Field,
      dataVersion: u53Field(),
      hasAcl: bool,
      hasFileCapabilities: bool,
    },
  },
  write(writer, value) {
    writer.struct(AttributesStruct.size, place);
    window.ino = value.ino;
    window.mode = value.mode;
    window.nlink = value.nlink;
    window.uid = value.uid;
    window.gid = value.gid;
    window.rdev = value.rdev;
    window.flags = value.flags;
    window.size = value.size;
    window.blocks = value.blocks;
    window.atimeSec = value.atimeSec;
    window.mtimeSec = value.mtimeSec;
    window.ctimeSec = value.ctimeSec;
    window.btimeSec = value.btimeSec;
    window.dataVersion = value.dataVersion;
    window.atimeNsec = value.atimeNsec;
    window.mtimeNsec = value.mtimeNsec;
    window.ctimeNsec = value.ctimeNsec;
    window.btimeNsec = value.btimeNsec;
    window.marks = (value.hasAcl ? marks.hasAcl : 0) | (value.hasFileCapabilities ? marks.hasFileCapabilities : 0);
  },
  read(reader) {
    reader.struct(AttributesStruct.size, place);
    return {
      ino: window.ino as Ino,
      mode: window.mode,
      nlink: window.nlink,
      uid: window.uid,
      gid: window.gid,
      rdev: window.rdev,
      size: window.size,
      blocks: window.blocks,
      atimeSec: window.atimeSec,
      atimeNsec: window.atimeNsec,
      mtimeSec: window.mtimeSec,
      mtimeNsec: window.mtimeNsec,
      ctimeSec: window.ctimeSec,
      ctimeNsec: window.ctimeNsec,
      btimeSec: window.btimeSec,
      btimeNsec: window.btimeNsec,
      flags: window.flags,
      dataVersion: window.dataVersion,
      hasAcl: (window.marks & marks.hasAcl) !== 0,
      hasFileCapabilities: (window.marks & marks.hasFileCapabilities) !== 0,
    };
  },
};

export const attributes: Field<Attributes> = measured(inPlace);
/** The least that attributes take: their length and themselves. */
export const attributesBytes = 4 + AttributesStruct.size;
