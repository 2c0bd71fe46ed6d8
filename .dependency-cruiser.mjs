/**
 * The rooms of the house and who may look into which: this table is the architecture, everything below follows
 * from it. A room may import the rooms in its row, always through their door (`#room`, which is its index.ts).
 * Everyone may import `base`; `base` imports nobody.
 */
export const rooms = {
  cli: ['admin', 'keeper', 'fuse', 'vfs', 'client', 'server', 'transport', 'security', 'telemetry'],
  admin: ['telemetry', 'security'],
  keeper: ['fuse', 'telemetry'],
  fuse: ['vfs', 'protocol', 'telemetry'],
  vfs: ['client', 'protocol', 'security', 'telemetry'],
  client: ['transport', 'protocol', 'telemetry'],
  server: ['transport', 'policy', 'security', 'protocol', 'telemetry'],
  transport: ['security', 'telemetry'],
  policy: ['protocol'],
  protocol: [],
  security: ['protocol'],
  telemetry: [],
  base: [],
};

/** The only sources that may import the addon, `#native`. Tests may too. */
export const nativeImporters = [
  'src/fuse/device.ts',
  'src/keeper/handover.ts',
  'src/transport/fabric.ts',
  'src/base/file.ts',
  'src/base/checksum.ts',
];

const anyOf = (names) => `(?:${names.join('|')})`;
const exactly = (path) => `^${path.replaceAll('.', '[.]')}$`;

/** Tests and contract suites stand outside the floors: they may enter any room, but only by its door. */
const tests = '[.](?:test|contract)[.]ts$';
const door = 'index[.]ts$';
const addon = '^(?:native/|#native$)';

/** Look down only: one rule per row of the table. */
const downOnly = Object.entries(rooms).map(([room, lower]) => ({
  name: `look-down-only/${room}`,
  severity: 'error',
  comment: `${room} may import ${[...new Set([...lower, 'base'])].filter((name) => name !== room).join(', ') || 'no room'}.`,
  from: { path: `^src/${room}/`, pathNot: tests },
  to: { path: '^src/', pathNot: `^src/${anyOf([room, ...lower, 'base'])}/` },
}));

const byTheDoor = [
  {
    name: 'enter-by-the-door',
    severity: 'error',
    comment: 'Another room is entered by its index.ts only.',
    from: { path: '^(?:src/([^/]+)|test|bench)/' },
    to: { path: '^src/', pathNot: [`^src/$1/`, `^src/[^/]+/${door}`] },
  },
  {
    name: 'enter-by-specifier',
    severity: 'error',
    comment: 'Another room is entered by its #room specifier, not by a relative path.',
    from: { path: '^(?:src/([^/]+)|test|bench)/' },
    to: { path: '^src/', pathNot: `^src/$1/`, dependencyTypesNot: ['aliased-subpath-import'] },
  },
];

/** Types count too: two files that need each other's types are one file, or need a third. */
const noCycles = {
  name: 'no-cycles',
  severity: 'error',
  comment: 'Files must not import each other in a circle.',
  from: {},
  to: { circular: true },
};

const nativeOnlyFrom = {
  name: 'native-only-from-its-users',
  severity: 'error',
  comment: `Only ${nativeImporters.join(', ')} import the addon.`,
  from: { path: '^src/', pathNot: [...nativeImporters.map(exactly), tests] },
  to: { path: addon },
};

const inARoom = {
  name: 'in-a-room',
  severity: 'error',
  comment: 'Every source lies in a room of the table.',
  from: { path: '^src/', pathNot: `^src/${anyOf(Object.keys(rooms))}/` },
  to: {},
};

/** An import that was not understood is an import that was not checked. The addon may be not yet built. */
const resolvable = {
  name: 'resolvable',
  severity: 'error',
  comment: 'Every import resolves.',
  from: {},
  to: { couldNotResolve: true, pathNot: '^#native$' },
};

export default {
  forbidden: [...downOnly, ...byTheDoor, noCycles, nativeOnlyFrom, inARoom, resolvable],
  options: {
    // The installed TypeScript has no parser that dependency-cruiser can load; without this line it finds 0 modules.
    parser: 'swc',
    doNotFollow: { path: ['node_modules', '^native/'] },
    exclude: { path: '^(?:dist|docs)/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.mjs', '.cjs', '.js', '.json'],
    },
  },
};
