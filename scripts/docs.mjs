/**
 * Writes the reference pages, docs/reference/*.md, from the tables in the sources: `npm run docs`. With --check
 * (`npm run docs:check`) nothing is written, and a page that differs from its table fails.
 *
 * A new page is one line in `pages`. A table without a page must be listed in `withoutPage`, with the reason: a table
 * in neither list fails, and so does a page whose table or columns have changed their names.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/**
 * `rows` names the module's export: rows by name, or an array. `columns` are pairs of heading and field, where the
 * field `*` is the row's name, and a function may render the row; every field of every row must have a column or
 * stand in `omit`.
 */
export const pages = [
  {
    page: 'statuses',
    title: 'Statuses',
    intro:
      'Every way an operation can fail, the code it has on the wire, what an application sees, and what a client may do with a failed call.',
    module: 'src/base/status.table.ts',
    rows: 'statuses',
    columns: [
      ['Status', '*'],
      ['Wire code', 'code'],
      ['errno', 'name'],
      ['Number', 'errno'],
      ['Retry', 'retry'],
    ],
  },
  {
    page: 'calls',
    title: 'Calls',
    intro:
      'Every call from a client to a server, its code on the wire, and whether a repetition does no harm. One that is not idempotent is answered from its stored reply when it is repeated.',
    module: 'src/protocol/calls.table.ts',
    rows: 'calls',
    columns: [
      ['Call', '*'],
      ['Wire code', 'code'],
      ['Idempotent', 'idempotent'],
    ],
  },
  {
    page: 'session-calls',
    title: 'Session calls',
    intro:
      'Every call about a session itself, its leases and its locks, with its code on the wire. A repetition does no harm.',
    module: 'src/protocol/session-calls.table.ts',
    rows: 'sessionCalls',
    columns: [
      ['Call', '*'],
      ['Wire code', 'code'],
    ],
  },
  {
    page: 'pushes',
    title: 'Pushes',
    intro: 'Everything that a server tells a client unasked, with its code on the wire.',
    module: 'src/protocol/pushes.table.ts',
    rows: 'pushes',
    columns: [
      ['Push', '*'],
      ['Wire code', 'code'],
    ],
  },
  {
    page: 'leases',
    title: 'Leases',
    intro:
      'Every kind of lease: the bit that stands for it in a set of kinds, whether only one session may hold it, and the kinds of other sessions that end before it is granted.',
    module: 'src/protocol/leases.table.ts',
    rows: 'leases',
    columns: [
      ['Lease', '*'],
      ['Bit', 'bit'],
      ['Exclusive', 'exclusive'],
      ['Breaks', 'breaks'],
    ],
  },
  {
    page: 'cache-modes',
    title: 'Cache modes',
    intro:
      'What a mount of a cluster promises in each `--cache-mode`, and how long it believes what it knows. [SEMANTICS](../SEMANTICS.md) says more.',
    module: 'src/vfs/cache/cache-modes.table.ts',
    rows: 'cacheModes',
    columns: [
      ['Mode', '*'],
      ['Promise', 'promise'],
      ['Names are believed', 'names'],
      ['Attributes', 'attributes'],
      ['Content', 'content'],
    ],
    omit: ['leases', 'dropsWhenReattached'],
  },
  {
    page: 'mount-options',
    title: 'Mount options',
    intro:
      'The options of `cfs mount`. Each is a flag, `--log-level debug`, and an item of `-o`, `-o log_level=debug`; a switch that is on by default is turned off by `--no-passthrough` or `-o nopassthrough`.',
    module: 'src/cli/options.table.ts',
    rows: 'mountOptions',
    columns: [
      ['Option', '*'],
      ['Value', ({ kind, choices }) => choices ?? kind],
      ['Default', (row) => ({ true: 'on', false: 'off', '': 'empty' })[String(row.default)] ?? row.default],
      ['What it does', 'help'],
    ],
    omit: ['kind', 'choices', 'default'],
  },
  {
    page: 'exit-codes',
    title: 'Exit codes',
    intro: 'How `cfs` ends. The codes of `cfs fsck` are those of fsck(8).',
    module: 'src/cli/exit-codes.table.ts',
    rows: 'exitCodes',
    columns: [
      ['Exit code', 'code'],
      ['Meaning', 'help'],
    ],
  },
  {
    page: 'doctor',
    title: 'Doctor',
    intro: 'What `cfs doctor` checks. Each check says `ok`, `warn` or `fail`, what it found, and how to mend it.',
    module: 'src/cli/doctor.table.ts',
    rows: 'doctorChecks',
    columns: [
      ['Check', '*'],
      ['What is looked at', 'help'],
    ],
    omit: ['run'],
  },
  {
    page: 'fuse-operations',
    title: 'FUSE operations',
    intro:
      'Every request of the kernel that is answered, by opcode. `cfs status --json` counts them under these names. Requests that are not here and not [refused](fuse-refused-operations.md) are answered with ENOSYS too.',
    module: 'src/fuse/operations.table.ts',
    rows: 'operations',
    columns: [
      ['Opcode', 'opcode'],
      ['Request', 'name'],
      [
        'After an interrupt',
        ({ interrupt }) => ({ finish: 'it runs to its end', end: 'it ends with EINTR' })[interrupt],
      ],
      ['Answered', ({ reply }) => (reply === 'none' ? 'no' : 'yes')],
    ],
    omit: ['interrupt', 'reply', 'arguments', 'bytesWithoutSetxattrExt', 'names', 'dataInPlace', 'call', 'undo'],
  },
  {
    page: 'fuse-cluster-operations',
    title: 'FUSE operations in a cluster',
    intro:
      'Requests that are answered only where the volume is shared with other clients. Elsewhere they are [refused](fuse-refused-operations.md), since the kernel alone does better. Where a server cannot be reached, every request ends with EINTR after an interrupt.',
    module: 'src/fuse/operations.table.ts',
    rows: 'clusterOperations',
    columns: [
      ['Opcode', 'opcode'],
      ['Request', 'name'],
      [
        'After an interrupt',
        ({ interrupt }) => ({ finish: 'it runs to its end', end: 'it ends with EINTR' })[interrupt],
      ],
    ],
    omit: ['interrupt', 'reply', 'arguments', 'call'],
  },
  {
    page: 'fuse-refused-operations',
    title: 'Refused FUSE operations',
    intro: 'Requests that are answered with ENOSYS on purpose, once: from then on the kernel does the work by itself.',
    module: 'src/fuse/operations.table.ts',
    rows: 'refusedOperations',
    columns: [
      ['Opcode', 'opcode'],
      ['Request', 'name'],
      ['Why', 'refused'],
    ],
  },
  {
    page: 'fuse-features',
    title: 'FUSE features',
    intro:
      'The features that a mount takes when the kernel offers them. `cfs status` shows which ones a mount has. An older kernel offers fewer, and `-o protocol=7.31` leaves out what came later.',
    module: 'src/fuse/init-flags.table.ts',
    rows: 'initFlags',
    columns: [
      ['Feature', '*'],
      ['Bit', 'bit'],
      ['Since protocol', ({ since }) => `7.${since}`],
      ['Taken', ({ cluster }) => (cluster ? 'in a cluster' : 'always')],
      ['Why', 'why'],
    ],
    omit: ['since', 'cluster'],
  },
];

/** Tables that only code needs, and why. */
export const withoutPage = {
  'src/fuse/wire.table.ts': 'the structures of uapi/linux/fuse.h, which describes them',
  'src/fuse/numbers.table.ts': 'the numbers of uapi/linux/fuse.h, which describes them',
  'src/server/meta/operations.table.ts': 'which function answers a call; the calls have a page',
  'src/server/data/operations.table.ts': 'which function answers a call; the calls have a page',
  'src/protocol/wire/requests.table.ts': 'how the requests of calls are written; the calls have a page',
  'src/protocol/wire/replies.table.ts': 'how the replies of calls are written; the calls have a page',
  'src/protocol/wire/session-messages.table.ts': 'how the session calls are written; they have a page',
  'src/protocol/wire/push-messages.table.ts': 'how the pushes are written; they have a page',
  'src/server/lease/covers.table.ts':
    'which leases each call ends and grants; the design page on the cluster describes it',
};

const root = resolve(fileURLToPath(import.meta.url), '../..');
const target = 'docs/reference';

function cell(value) {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map(cell).join(', ');
  if (typeof value === 'object') {
    return Object.entries(value)
      .map(([key, inner]) => `${key}: ${cell(inner)}`)
      .join('; ');
  }
  if (typeof value === 'function') throw new Error('a function cannot be shown: give it a render function, or omit it');
  return String(value).replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** One page as Markdown. */
export function render({ page, title, intro, module, columns, omit = [] }, table) {
  const rows = Array.isArray(table)
    ? table.flatMap((row, index) => (row === undefined ? [] : [[String(index), row]]))
    : Object.entries(table);
  if (rows.length === 0) throw new Error(`${page}: ${module} has no rows`);
  const known = new Set([...columns.flatMap(([, field]) => (typeof field === 'string' ? [field] : [])), ...omit]);
  const present = new Set(['*']);
  for (const [name, row] of rows) {
    for (const field of Object.keys(row)) {
      present.add(field);
      if (!known.has(field))
        throw new Error(`${page}: ${name} has the field ${field}, which has no column and is not omitted`);
    }
  }
  for (const field of known) if (!present.has(field)) throw new Error(`${page}: no row has the field ${field}`);
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [
    `<!-- Written by \`npm run docs\` from ${module}: change that, not this. -->`,
    '',
    `# ${title}`,
    '',
    intro,
    '',
    line(columns.map(([heading]) => heading)),
    line(columns.map(() => '---')),
    ...rows.map(([name, row]) =>
      line(
        columns.map(([, field]) => {
          if (typeof field === 'function') return cell(field(row, name));
          return field === '*' ? `\`${name}\`` : cell(row[field]);
        }),
      ),
    ),
    '',
  ].join('\n');
}

/** The content of every page, by file name. */
async function renderAll() {
  const tables = readdirSync(join(root, 'src'), { recursive: true })
    .filter((name) => name.endsWith('.table.ts'))
    .map((name) => `src/${name}`);
  const covered = new Set([...pages.map(({ module }) => module), ...Object.keys(withoutPage)]);
  for (const table of tables) {
    if (!covered.has(table))
      throw new Error(`${table} has no page: add a line to pages or withoutPage in scripts/docs.mjs`);
  }
  for (const module of covered) {
    if (!tables.includes(module)) throw new Error(`scripts/docs.mjs names ${module}, which does not exist`);
  }
  const files = new Map();
  for (const page of pages) {
    const table = (await import(join(root, page.module)))[page.rows];
    if (table === undefined) throw new Error(`${page.module} does not export ${page.rows}`);
    files.set(`${page.page}.md`, render(page, table));
  }
  return files;
}

function readPage(name) {
  try {
    return readFileSync(join(root, target, name), 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function main() {
  const files = await renderAll();
  mkdirSync(join(root, target), { recursive: true });
  const stale = readdirSync(join(root, target)).filter((name) => !files.has(name));
  const changed = [...files.keys()].filter((name) => readPage(name) !== files.get(name));
  if (process.argv.includes('--check')) {
    for (const name of [...changed, ...stale]) {
      console.error(`${target}/${name} differs from its table: run \`npm run docs\` and commit the result`);
    }
    process.exitCode = changed.length + stale.length > 0 ? 1 : 0;
  } else {
    for (const name of stale) rmSync(join(root, target, name));
    for (const name of changed) writeFileSync(join(root, target, name), files.get(name));
  }
  console.log(`docs: ${files.size} pages, ${changed.length} changed, ${stale.length} stale`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
