import { pageBytes } from '../kernel/page-cache.ts';
import type { Operation } from './history.ts';
import type { Model } from './linearizable.ts';

/** Content as one char per byte, and the mtime since the last change, once somebody has seen it. */
interface File {
  readonly content: string;
  readonly mtime: string | undefined;
}

/**
 * A regular file. Linux promises that a READ is atomic within a page only, and takes the size at another moment than
 * the bytes, so an application's read is several operations: the bytes of each page, where missing ones are zeros, and
 * where the file ended.
 */
export const fileModel: Model<File> = {
  initial: { content: '', mtime: undefined },

  apply(file, { input, output, isRefused, isDoubtful }) {
    // Whoever has it open may do all of this.
    if (isRefused && !isDoubtful) return undefined;
    const { content } = file;
    switch (input.kind) {
      case 'write':
        return changed(overwritten(content, input.offset, input.data));
      case 'append':
        return changed(content + input.data);
      case 'truncate':
        return changed(content.slice(0, input.size).padEnd(input.size, '\0'));
      case 'bytes':
        return bytesAt(content, input.offset, (output as string).length) === output ? file : undefined;
      case 'end':
        return endsAt(content.length, input, output as number) ? file : undefined;
      case 'stat':
        return stated(file, output as StatOutput);
      default:
        throw new Error(`a file has no ${input.kind}`);
    }
  },

  key: ({ content, mtime }) => `${content}|${mtime ?? ''}`,
};

export interface StatOutput {
  readonly size: number;
  readonly mtime: string;
}

function changed(content: string): File {
  return { content, mtime: undefined };
}

function stated(file: File, { size, mtime }: StatOutput): File | undefined {
  if (size !== file.content.length) return undefined;
  if (file.mtime === mtime) return file;
  return file.mtime === undefined ? { content: file.content, mtime } : undefined;
}

export function overwritten(content: string, offset: number, data: string): string {
  return content.slice(0, offset).padEnd(offset, '\0') + data + content.slice(offset + data.length);
}

function bytesAt(content: string, offset: number, length: number): string {
  return content.slice(offset, offset + length).padEnd(length, '\0');
}

/**
 * A page behind the end is read short, and the kernel takes its beginning for the end then: a file that is cut while it
 * is read may so seem to end with any page.
 */
export function endsAt(size: number, { offset, length }: Range, count: number): boolean {
  if (size >= offset + length) return count === length;
  if (count === Math.max(0, size - offset)) return true;
  const end = offset + count;
  return count < length && size <= end && end % pageBytes === 0;
}

interface Range {
  readonly offset: number;
  readonly length: number;
}

/** One value that is set and read: a mode, an extended attribute. */
export function registerModel(initial: string): Model<string> {
  return {
    initial,
    apply(state, { input, output, isRefused, isDoubtful }: Operation) {
      if (isRefused && !isDoubtful) return undefined;
      if (input.kind === 'set') return input.value;
      if (input.kind === 'get') return output === state ? state : undefined;
      throw new Error(`a register has no ${input.kind}`);
    },
    key: (state) => state,
  };
}
