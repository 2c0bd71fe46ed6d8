import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createCodec } from '#protocol';
import { encoded, messageKinds, plain } from './messages.testing.ts';
import { sampleOf } from './sample.testing.ts';

export const goldenPath = fileURLToPath(new URL('golden/messages.txt', import.meta.url));

const heading = `Every message on the wire, frozen: title and number, the message, its bytes. What is here never changes, but
that a new field makes a message longer, and that new messages come at the end of their kind.
Written by src/protocol/wire/write-golden.testing.ts.
`;

/** What the file must say. */
export function goldenText(): string {
  const codec = createCodec();
  const paragraphs = messageKinds.map((kind) => {
    const message = sampleOf(kind.field.shape);
    const hex = Buffer.from(encoded(codec, kind, message)).toString('hex');
    const lines = hex.match(/.{1,120}/g) ?? ['(no bytes)'];
    return [`${kind.title} (${kind.code})`, JSON.stringify(plain(message)) ?? 'nothing', ...lines, ''].join('\n');
  });
  return [heading, ...paragraphs].join('\n');
}

/** The frozen messages: what was sent then must be read for ever. */
export function readGolden(): { readonly title: string; readonly json: string; readonly bytes: Uint8Array }[] {
  const [, ...paragraphs] = readFileSync(goldenPath, 'utf8').trimEnd().split('\n\n');
  return paragraphs.map((paragraph) => {
    const [title, json, ...lines] = paragraph.split('\n');
    return {
      title: title!,
      json: json!,
      bytes: Uint8Array.from(Buffer.from(lines.join('').replace('(no bytes)', ''), 'hex')),
    };
  });
}
