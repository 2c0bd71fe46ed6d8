import { type Command, Option } from 'commander';
import { logLevels } from '#telemetry';
import { adminSessions, type SessionsFlags } from './admin-sessions.ts';
import { parseCount } from './options.ts';
import { run } from './run.ts';
import { serve } from './serve.ts';
import type { ServeFlags } from './serve-options.ts';
import { type VolumeFlags, volumeCreate, volumeList, volumeRemove } from './volume.ts';

const store = ['--store <path>', 'the store of the server (default: /var/lib/cfs for root)'] as const;

/** Adds `cfs serve`, `cfs volume` and `cfs admin`. */
export function addServerCommands(cfs: Command): void {
  addServe(cfs);
  addVolume(cfs);
  cfs
    .command('admin')
    .description('look after a running server')
    .command('sessions')
    .description('show who has mounted from it, or end a session')
    .option(...store)
    .option('--volume <name>', 'of this volume only')
    .option('--evict <session>', 'end the session with this number', (text) => parseCount(text, '--evict'))
    .option('--json', 'as an array, one object per session')
    .action(run((flags: SessionsFlags) => adminSessions(flags)));
}

function addServe(cfs: Command): void {
  cfs
    .command('serve')
    .description('serve volumes to the mounts of many machines, in the foreground')
    .option(...store)
    .option('--listen <address>', 'ADDR:PORT, repeatable (default: :9300)', (text: string, before: string[] = []) => [
      ...before,
      text,
    ])
    .option('--cert <file>', 'the certificate of this server (cfs cert issue --host)')
    .option('--key <file>', 'its key')
    .option('--ca <file>', 'the certificate of the authority that signs those of clients')
    .option('--crl <file>', 'the list of revoked certificates, read again when it changes')
    .option('--insecure', 'without certificates, for trials on loopback')
    .option('--force-insecure', 'likewise on any address')
    .option('--exports <file>', 'which client sees what (default: /etc/cfs/exports where that exists)')
    .option('--session-ttl <seconds>', 'how long a client that is silent keeps what it holds (default: 30)')
    .option('--health <address>', 'answer /healthz and /readyz by HTTP at ADDR:PORT')
    .addOption(new Option('--log-level <level>', 'how much is logged (default: info)').choices(logLevels))
    .action(run((flags: ServeFlags) => serve(flags)));
}

function addVolume(cfs: Command): void {
  const volume = cfs.command('volume').description('make, list and remove the volumes of a server');
  volume
    .command('create')
    .description('make an empty volume')
    .argument('<name>')
    .option(...store)
    .action(run((name: string, flags: VolumeFlags) => volumeCreate(name, flags)));
  volume
    .command('list')
    .description('show the names of all volumes')
    .option(...store)
    .option('--json', 'as an array')
    .action(run((flags: VolumeFlags) => volumeList(flags)));
  volume
    .command('remove')
    .description('remove a volume with all that is in it')
    .argument('<name>')
    .option(...store)
    .option('--yes', 'really')
    .action(run((name: string, flags: VolumeFlags) => volumeRemove(name, flags)));
}
