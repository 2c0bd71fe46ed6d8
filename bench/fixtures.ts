/** Material that all targets read: an archive of small files and a repository, made once per run, in memory. */

import { join } from 'node:path';
import type { App } from './app.ts';
import { run } from './command.ts';
import type { Sites } from './site.ts';

const archiveFiles = 5_000;
const filesPerDirectory = 50;
const commits = 3_000;
const repositoryDirectories = 100;
const filesPerRepositoryDirectory = 20;

export class Fixtures {
  readonly archiveFiles = archiveFiles;
  readonly #sites: Sites;
  readonly #app: App;
  readonly #made = new Map<string, Promise<string>>();

  constructor(sites: Sites, app: App) {
    this.#sites = sites;
    this.#app = app;
  }

  /** A tar archive of 5,000 files of 1 KiB in 100 directories. */
  archive(): Promise<string> {
    return this.#once('archive', (scratch) => this.#makeArchive(scratch, filesPerDirectory));
  }

  /** The same number of files in one directory: its requests per file are those of files alone. */
  flatArchive(): Promise<string> {
    return this.#once('flat-archive', (scratch) => this.#makeArchive(scratch, archiveFiles));
  }

  /** A bare repository of 3,000 commits whose last tree has 2,000 files; packed, as a fresh clone is. */
  repository(): Promise<string> {
    return this.#once('repository', async (scratch) => {
      const repository = join(scratch, 'repository.git');
      await run(['git', 'init', '--quiet', '--bare', '--initial-branch=main', repository]);
      await run(['git', '-C', repository, 'fast-import', '--quiet'], { input: history() });
      await run(['git', '-C', repository, 'repack', '-a', '-d', '-q']);
      return repository;
    });
  }

  #once(name: string, make: (scratch: string) => Promise<string>): Promise<string> {
    const made = this.#made.get(name) ?? this.#sites.scratch().then(make);
    this.#made.set(name, made);
    return made;
  }

  async #makeArchive(scratch: string, perDirectory: number): Promise<string> {
    const tree = join(scratch, 'tree');
    for (let index = 0; index < archiveFiles / perDirectory; index += 1) {
      const directory = join(tree, `d${String(index).padStart(3, '0')}`);
      await run(['mkdir', '-p', directory]);
      await this.#app('create', directory, perDirectory, 1024);
    }
    const archive = join(scratch, 'archive.tar');
    await run(['tar', '-cf', archive, '-C', tree, '.']);
    return archive;
  }
}

/** A stream for `git fast-import`: the first commit makes all files, each later one changes two of them. */
function* history(): Generator<string> {
  const files = repositoryDirectories * filesPerRepositoryDirectory;
  for (let commit = 0; commit < commits; commit += 1) {
    const changed = commit === 0 ? files : 2;
    yield `commit refs/heads/main\ncommitter Bench <bench@example.org> ${1_700_000_000 + commit} +0000\n${data(`Change ${commit}\n`)}`;
    for (let change = 0; change < changed; change += 1) {
      const file = (commit * 2 + change) % files;
      const directory = String(file % repositoryDirectories).padStart(3, '0');
      yield `M 100644 inline source-${directory}/file-${file}.ts\n${data(content(file, commit))}`;
    }
  }
  yield 'done\n';
}

function content(file: number, commit: number): string {
  const lines = 20 + (file % 60);
  return Array.from(
    { length: lines },
    (_, line) => `export const value${file}at${line} = ${(line * 7919 + commit) % 10_007};\n`,
  ).join('');
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}
