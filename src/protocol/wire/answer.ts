import type { Answer, LeaseGrant } from '../answer.ts';
import { attributes, attributesBytes } from './attributes.ts';
import { type Field, list, u32, u53 } from './field.ts';
import { listMax } from './limits.ts';
import { record } from './record.ts';

const head = record<Omit<Answer<unknown>, 'reply'>>({
  serial: u53(),
  grants: list(
    record<LeaseGrant>({ ino: u53<LeaseGrant['ino']>(), kinds: u32, number: u53() }),
    listMax,
    4 + 8 + 4 + 8,
  ),
  also: list(attributes, listMax, attributesBytes),
});

/** A reply in a session: the head first, since the reply ends where the message does. */
export function answerOf<Reply>(reply: Field<Reply>): Field<Answer<Reply>> {
  return {
    shape: {
      kind: 'record',
      fields: { ...(head.shape.kind === 'record' ? head.shape.fields : {}), reply },
    },
    write(writer, value) {
      head.write(writer, value);
      reply.write(writer, value.reply);
    },
    read(reader) {
      const { serial, grants, also } = head.read(reader);
      return { reply: reply.read(reader), serial, grants, also };
    },
  };
}
