import assert from 'node:assert/strict';
import type { Ino } from '#base';
import { type Attributes, O_RDONLY, superuser } from '#protocol';
import type { Vfs } from '#vfs';
import type { ReferenceFileSystem } from '../model/reference.ts';
import { fileType, type Node, typeMask } from '../model/reference-node.ts';

/** What can be seen below a directory: by path, '' for the directory itself. */
export type Tree = Map<string, Sight>;

export interface Sight {
  /** All but size and content, in one line. */
  readonly facts: string;
  readonly content: Uint8Array;
  /** Of the model's: the inode, whatever its name. */
  readonly node?: Node;
}

const nothing = new Uint8Array(0);
const setIds = 0o6000;

/** The tree that a model has now. Its content is never changed in place, so it need not be copied. */
export function treeOfModel(model: ReferenceFileSystem): Tree {
  const tree: Tree = new Map();
  const visit = (path: string, node: Node): void => {
    const sight = { facts: facts(node, [...node.xattrs.keys()], node.target), content: node.content, node };
    tree.set(path, sight);
    for (const [name, child] of node.entries) visit(`${path}/${name}`, child);
  };
  visit('', model.root);
  return tree;
}

/** The tree that a file system has now. */
export async function treeOf(vfs: Vfs, ino: Ino): Promise<Tree> {
  const tree: Tree = new Map();
  const visit = async (path: string, attributes: Attributes): Promise<void> => {
    tree.set(path, await sightOf(vfs, attributes));
    if ((attributes.mode & typeMask) !== fileType.directory) return;
    for (const entry of await vfs.readdir(attributes.ino, 0, 10_000, true)) {
      if (entry.name !== '.' && entry.name !== '..') await visit(`${path}/${entry.name}`, entry.attributes!);
    }
  };
  await visit('', (await vfs.getattr(ino)).attributes);
  return tree;
}

async function sightOf(vfs: Vfs, attributes: Attributes): Promise<Sight> {
  const { ino, mode, size } = attributes;
  const xattrs = await vfs.listxattr(superuser, ino);
  const target = (mode & typeMask) === fileType.symlink ? await vfs.readlink(ino) : '';
  if ((mode & typeMask) !== fileType.file) return { facts: facts(attributes, xattrs, target), content: nothing };
  const { handle } = await vfs.open(superuser, ino, O_RDONLY, false);
  const content = await vfs.read(handle, 0, size + 1);
  await vfs.release(handle);
  assert.equal(content.length, size, `inode ${ino} has fewer bytes than its size tells`);
  return { facts: facts(attributes, xattrs, target), content };
}

interface Stat {
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
}

/** Setuid and setgid are left out: a truncation takes them away in a step of its own. */
function facts({ mode, nlink, uid, gid }: Stat, xattrs: string[], target: string): string {
  return `${(mode & ~setIds).toString(8)} ${nlink} ${uid} ${gid} ${target} ${xattrs.toSorted().join(' ')}`;
}

/** Whether both have the same names and attributes, or bytes too. */
export function isSameTree(a: Tree, b: Tree, compared: 'names' | 'contents'): boolean {
  if (a.size !== b.size) return false;
  for (const [path, sight] of a) {
    const other = b.get(path);
    if (other === undefined || other.facts !== sight.facts) return false;
    if (compared === 'contents' && Buffer.compare(sight.content, other.content) !== 0) return false;
  }
  return true;
}

/** One line per path, for a message. */
export function describeTree(tree: Tree): string {
  return [...tree]
    .map(([path, { facts: told, content }]) => `  ${path || '/'} ${told} ${content.length} bytes`)
    .join('\n');
}
