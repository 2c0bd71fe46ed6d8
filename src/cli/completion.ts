import type { Command } from 'commander';
import { FsError } from '#base';
import { print } from './output.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;

/** Prints a script that completes the commands and options of `cfs` in `shell`. */
export function completion(shell: string, cfs: Command): number {
  const commands = cfs.commands.map((command) => ({
    name: command.name(),
    help: command.description(),
    flags: wordsOf(command),
  }));
  if (shell === 'bash') print(bash(commands));
  else if (shell === 'zsh') print(`autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`);
  else if (shell === 'fish') print(fish(commands));
  else throw new FsError('invalid', `completion: there is no script for ${shell}, only for ${shells.join(', ')}`);
  return 0;
}

/** The options of a command, or its commands and all of theirs. */
function wordsOf(command: Command): string[] {
  const flags = command.options.flatMap(({ hidden, long }) => (hidden || long === undefined ? [] : [long]));
  const below = command.commands.flatMap((each) => [each.name(), ...wordsOf(each)]);
  return [...new Set([...below, ...flags])];
}

interface CompletedCommand {
  readonly name: string;
  readonly help: string;
  readonly flags: readonly string[];
}

function bash(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(({ name, flags }) => `    ${name}) words='${flags.join(' ')}' ;;`);
  return [
    '_cfs() {',
    // bash calls a completion function with the command, the word being completed, and the one before.
    '  local words current=$2',
    '  set -- $COMP_LINE',
    '  case $2 in',
    ...cases,
    '  esac',
    `  [ "$COMP_CWORD" -eq 1 ] && words='${commands.map(({ name }) => name).join(' ')}'`,
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -o default -F _cfs cfs',
  ].join('\n');
}

function fish(commands: readonly CompletedCommand[]): string {
  return commands
    .flatMap(({ name, help, flags }) => [
      `complete -c cfs -n __fish_use_subcommand -a ${name} -d '${help.replaceAll("'", "\\'")}'`,
      ...flags.map((word) => {
        const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`;
        return `complete -c cfs -n '__fish_seen_subcommand_from ${name}' ${what}`;
      }),
    ])
    .join('\n');
}
