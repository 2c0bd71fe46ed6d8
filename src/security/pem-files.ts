import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { FsError } from '#base';

/** Reads a file of certificates or keys; `what` begins the sentence of a failure. */
export function readPem(path: string, what: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (cause) {
    throw unreadable(path, what, cause);
  }
  if (text.includes('-----BEGIN ')) return text;
  throw new FsError('invalid', `the ${what} ${path} is no PEM file: it does not contain "-----BEGIN"`);
}

/** Replaces a file at once, so that whoever reads it meanwhile finds the old one or the new one. */
export function writeWhole(path: string, text: string, mode: number): void {
  const draft = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    writeFileSync(draft, text, { mode, flag: 'wx', flush: true });
    renameSync(draft, path);
  } catch (cause) {
    rmSync(draft, { force: true });
    throw new FsError('io', `cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** What is wrong with who can read a private key; undefined when only its owner can. */
export function keyExposure(path: string): string | undefined {
  const { mode } = statSync(path);
  if ((mode & 0o077) === 0) return undefined;
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  return `the key ${path} can be read by others (mode ${shown}): chmod 600 ${path}`;
}

export function toPem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

export function fromPem(text: string): Buffer {
  const [, body = ''] = /-----BEGIN [^-]+-----([^-]*)-----END/.exec(text) ?? [];
  return Buffer.from(body, 'base64');
}

function unreadable(path: string, what: string, cause: unknown): FsError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new FsError('notFound', `the ${what} ${path} does not exist`, { cause });
  if (code === 'EACCES') return new FsError('accessDenied', `this user may not read the ${what} ${path}`, { cause });
  return new FsError('io', `cannot read the ${what} ${path}: ${message}`, { cause });
}
