import { Command, CommanderError, Option } from 'commander';
import { FsError } from '#base';
import { addCert } from './cert-commands.ts';
import { completion, shells } from './completion.ts';
import { doctor } from './doctor.ts';
import { exitCodes } from './exit-codes.table.ts';
import { fsck } from './fsck.ts';
import { mount } from './mount.ts';
import { mountOptions, type OptionName, type OptionRow } from './options.table.ts';
import { type MountOptions, parseMountOptionList, parseOption } from './options.ts';
import { sentenceOf } from './output.ts';
import { run } from './run.ts';
import { addServerCommands } from './server-commands.ts';
import { status } from './status.ts';
import { umount } from './umount.ts';
import { version } from './version.ts';

/** The program `cfs`. Its commands return their exit code; whatever they throw is one sentence and exit code 1. */
function program(): Command {
  const cfs = new Command('cfs')
    .description('mount a shared POSIX file system')
    .version(version)
    .showHelpAfterError('(see cfs --help)')
    .exitOverride();
  addMount(cfs);
  cfs
    .command('umount')
    .description('unmount, and wait until the store is closed')
    .argument('<dir>', 'the mount point')
    .option('-l, --lazy', 'detach now, finish when the last user has left')
    .action(run((directory: string, options: { lazy?: boolean }) => umount(directory, options)));
  cfs
    .command('status')
    .description('show the mounts of this machine')
    .option('--json', 'as an array, one object per mount')
    .action(run((options: { json?: boolean }) => status(options)));
  cfs
    .command('doctor')
    .description('check whether this machine can mount, and say how to mend what cannot')
    .option('--json', 'as an array, one object per check')
    .option('--store <path>', 'the store whose disk is checked')
    .action(run((options: { json?: boolean; store?: string }) => doctor(options)));
  cfs
    .command('fsck')
    .description('check metadata and content of a store that is not mounted against each other')
    .argument('[store]', 'the store; the default one when absent')
    .option('--repair', 'mend what is found')
    .option('--json', 'as one object')
    .action(run((store: string | undefined, options: { repair?: boolean; json?: boolean }) => fsck(store, options)));
  addServerCommands(cfs);
  addCert(cfs);
  cfs
    .command('completion')
    .description('print a completion script')
    .argument('<shell>', shells.join(' or '))
    .action(run((shell: string) => completion(shell, cfs)));
  return cfs;
}

function addMount(cfs: Command): void {
  const command = cfs
    .command('mount')
    .description('mount a file system on a directory')
    .argument('<dir>', 'the mount point: a directory')
    .addOption(
      new Option('-o <options>', 'mount options separated by commas: name, noname or name=value').argParser(
        (list: string, before: MountOptions | undefined) => ({ ...before, ...parseMountOptionList(list) }),
      ),
    );
  for (const [name, row] of Object.entries(mountOptions) as [OptionName, OptionRow][]) {
    for (const option of optionsOf(name, row)) command.addOption(option);
  }
  command.addOption(new Option('--hard', 'wait for a server as long as it takes, the default').conflicts('soft'));
  command.action(
    run((directory: string, { o, ...flags }: Record<string, unknown> & { o?: MountOptions }) => {
      // Commander counts `--no-x` as a default of true for x, which must not win over `-o nox`.
      const isGiven = ([name]: [string, unknown]): boolean => command.getOptionValueSource(name) === 'cli';
      const given = Object.entries(flags)
        .filter((flag) => isGiven(flag) && flag[0] !== 'hard')
        .map(([name, value]) => [name.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), value]);
      return mount(directory, { ...o, ...(Object.fromEntries(given) as MountOptions) });
    }),
  );
}

/** The flags of one row: `--name VALUE`, or for a switch `--name` or `--no-name`, whichever is not the default. */
function optionsOf(name: OptionName, row: OptionRow): Option[] {
  const flag = name.replaceAll('_', '-');
  const help = `${row.help} (default: ${row.default === true ? 'on' : row.default === false ? 'off' : row.default})`;
  if (row.kind !== 'switch') {
    const option = new Option(`--${flag} <${row.kind}>`, help);
    return [option.argParser((value: string) => parseOption(name, value, `--${flag} ${value}`))];
  }
  const on = new Option(name === 'foreground' ? '-f, --foreground' : `--${flag}`, help);
  const off = new Option(`--no-${flag}`, `not --${flag}`);
  if (row.default === true) return [off.helpGroup('')].map((option) => Object.assign(option, { description: help }));
  return row.default === false ? [on] : [on, off.hideHelp()];
}

try {
  await program().parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCodes.ok.code : exitCodes.usage.code;
  } else {
    process.stderr.write(`cfs: ${sentenceOf(error)}\n`);
    process.exitCode =
      error instanceof FsError && error.status === 'invalid' ? exitCodes.usage.code : exitCodes.failed.code;
  }
}
