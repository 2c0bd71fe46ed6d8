declare const inoBrand: unique symbol;
declare const handleBrand: unique symbol;

/** An inode number: 1 is the root; permanent, never reused, below 2^53. */
export type Ino = number & { readonly [inoBrand]: true };
/** What an open file or directory is called between kernel and daemon (`fh`): below 2^53, unique per mount. */
export type Handle = number & { readonly [handleBrand]: true };

export const rootIno = 1 as Ino;
export const noHandle = 0 as Handle;

/**
 * A file name, or any other string of bytes, one char per byte (latin1): names are bytes to POSIX, any byte but
 * NUL and '/', and so kept they can be compared, concatenated and used as Map keys without loss.
 */
export type ByteString = string;

export const nameMaxBytes = 255;
