import { resolve } from 'node:path';
import { askServer, type SessionStatus } from '#admin';
import { FsError } from '#base';
import { columns, humanDuration, print, printJson } from './output.ts';
import { defaultServerStore } from './paths.ts';

export interface SessionsFlags {
  store?: string;
  evict?: number;
  volume?: string;
  json?: boolean;
}

/** `cfs admin sessions`: who has mounted from the server of a store; with `evict`, ends one of them. */
export async function adminSessions(flags: SessionsFlags): Promise<number> {
  const store = resolve(flags.store ?? defaultServerStore());
  if (flags.evict !== undefined) return evict(store, flags.evict, flags.volume);
  const sessions = (await askServer(store, 'GET /sessions', undefined)) ?? nobodyServes(store);
  const shown = sessions.filter(({ volume }) => (flags.volume ?? volume) === volume);
  if (flags.json) printJson(shown);
  else if (shown.length === 0) print('no sessions');
  else print(columns([heading, ...shown.map(row)]));
  return 0;
}

async function evict(store: string, session: number, volume: string | undefined): Promise<number> {
  const body = volume === undefined ? { session } : { session, volume };
  if ((await askServer(store, 'POST /sessions/evict', body)) === undefined) nobodyServes(store);
  print(`ended session ${session}: its leases, locks and open files are gone`);
  return 0;
}

const heading = ['SESSION', 'VOLUME', 'CLIENT', 'NAME', 'ADDRESS', 'MODE', 'SILENT', 'LEASES', 'LOCKS', 'OPEN FILES'];

function row(one: SessionStatus): string[] {
  return [
    String(one.session),
    one.volume,
    one.identity ?? '-',
    one.name,
    one.address ?? '-',
    one.readOnly ? `${one.cacheMode}, ro` : one.cacheMode,
    humanDuration(one.silentSeconds),
    String(one.leases),
    String(one.locks),
    String(one.opens),
  ];
}

function nobodyServes(store: string): never {
  throw new FsError('notFound', `no server has the store ${store}: start one with cfs serve, or name another --store`);
}
