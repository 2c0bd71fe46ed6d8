import { nameMaxBytes } from '#base';
import type { Pushes, PushName, RecalledLease } from '../pushes.ts';
import { bool, byteString, type Field, list, maybe, text, u32, u53 } from './field.ts';
import { listMax, textMaxBytes } from './limits.ts';
import { fields, record } from './record.ts';

const recalledLease = record<RecalledLease>({
  ino: u53<RecalledLease['ino']>(),
  kinds: u32,
  name: maybe(byteString(nameMaxBytes, 'nameTooLong')),
  number: u53(),
});
const recalledLeaseBytes = 4 + 8 + 4 + 1 + 8;

/** As `requests.table.ts`, of what a server says unasked. */
export const pushMessages: { readonly [N in PushName]: Field<Pushes[N]> } = {
  recall: fields<Pushes['recall']>({ leases: list(recalledLease, listMax, recalledLeaseBytes), awaited: bool }),
  lockGranted: fields<Pushes['lockGranted']>({ request: u53() }),
  sessionEnded: fields<Pushes['sessionEnded']>({ reason: text(textMaxBytes) }),
  draining: fields<Pushes['draining']>({}),
};
