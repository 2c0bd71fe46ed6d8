import { fail } from '#base';
import type { Caller } from '../caller.ts';
import { fromPlainCaller, toPlainCaller } from '../plain-caller.ts';
import type { Field } from './field.ts';
import { groupsMax } from './limits.ts';
import { broken } from './reader.ts';
import { measured } from './record.ts';

const identities = { unknown: 0, known: 1 } as const;

/**
 * Who asks. What somebody has decided on the client (`checked`) counts nowhere else, so it does not travel. Groups and
 * capabilities travel only when they are known: see `Caller.identity`.
 */
export const caller: Field<Caller> = measured({
  shape: { kind: 'caller' },
  write(writer, value) {
    writer.u32(value.uid);
    writer.u32(value.gid);
    if (value.identity !== 'known') {
      writer.u8(identities.unknown);
      return;
    }
    const { groups, capabilities } = toPlainCaller(value, 'known');
    if (groups.length > groupsMax) fail('argumentTooLong', `${groups.length} groups, at most ${groupsMax} travel`);
    writer.u8(identities.known);
    writer.u53(capabilities);
    writer.u32(groups.length);
    for (const group of groups) writer.u32(group);
  },
  read(reader) {
    const uid = reader.u32();
    const gid = reader.u32();
    const identity = reader.u8();
    if (identity === identities.unknown) {
      return fromPlainCaller({ uid, gid, checked: false, identity: 'unknown', groups: [], capabilities: 0 });
    }
    if (identity !== identities.known) broken(`a caller of kind ${identity}`);
    const capabilities = reader.u53();
    const count = reader.u32();
    if (count > groupsMax || count * 4 > reader.left) broken(`${count} groups in ${reader.left} bytes`);
    const groups: number[] = [];
    for (let index = 0; index < count; index++) groups.push(reader.u32());
    return fromPlainCaller({ uid, gid, checked: false, identity: 'known', groups, capabilities });
  },
});
