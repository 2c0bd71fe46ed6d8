import { deserialize, serialize } from 'node:v8';
import { FsError } from '#base';
import type { Codec, MessageCodec } from './transport.ts';

/** Carries any plain message, bytes by reference: the transports do not know what they carry. */
const anyMessage: MessageCodec = {
  encode: (_code, message) =>
    message instanceof Uint8Array ? [Uint8Array.of(1), message] : [Uint8Array.of(0), serialize(message)],
  decode(_code, bytes) {
    const content = bytes.subarray(1);
    if (bytes[0] === 1) return content;
    try {
      return deserialize(content);
    } catch (cause) {
      throw new FsError('invalid', 'a message that cannot be read', { cause });
    }
  },
};

export const anyMessageCodec: Codec = {
  requests: anyMessage,
  replies: anyMessage,
  pushes: anyMessage,
  failures: {
    encode: (error) => [
      serialize(error instanceof FsError ? [error.status, error.message] : ['io', `a bug: ${error}`]),
    ],
    decode(bytes) {
      const [status, message] = deserialize(bytes);
      return new FsError(status, message);
    },
  },
};
