import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Clock, FsError, SystemClock } from '#base';
import { CertificateAuthority, type CertificateUse, type IssuedCertificate, validityInWords } from '#security';
import { columns, print, printJson } from './output.ts';
import { defaultPki } from './paths.ts';

/** `cfs cert init`: makes an authority. */
export async function certInit(options: { dir?: string; name?: string }): Promise<number> {
  const directory = resolve(options.dir ?? defaultPki());
  await CertificateAuthority.init(directory, { name: options.name ?? 'ClaudeFS', now: today() });
  print(`the certificate authority is in ${directory}; whoever has ca-key.pem can make certificates, so keep it safe`);
  return 0;
}

export interface CertIssueOptions {
  dir?: string;
  name: string;
  host?: string[];
  server?: boolean;
  client?: boolean;
  days?: number;
  out?: string;
}

/** `cfs cert issue`: a certificate for a server, where a host is named, else for a client. */
export async function certIssue(options: CertIssueOptions): Promise<number> {
  const { name, host: hosts = [], days } = options;
  if (options.server && options.client) throw new FsError('invalid', '--server and --client exclude each other');
  const use: CertificateUse = (options.server ?? (hosts.length > 0 && !options.client)) ? 'server' : 'client';
  const authority = openAuthority(options.dir);
  const into = resolve(options.out ?? join(authority.directory, name));
  const issued = await authority.issue({ name, use, hosts, into, ...(days === undefined ? {} : { days }) }, today());
  print(`a certificate for the ${use} ${name}, ${validityInWords(issued, today())}:`);
  for (const file of ['cert.pem', 'key.pem', 'ca.pem']) print(`  ${join(into, file)}`);
  return 0;
}

/** `cfs cert revoke`: by name or serial number. */
export async function certRevoke(nameOrSerial: string, options: { dir?: string }): Promise<number> {
  const authority = openAuthority(options.dir);
  for (const { name, serial } of await authority.revoke(nameOrSerial, today())) {
    print(`revoked the certificate ${serial} of ${name}`);
  }
  print(`servers refuse it once they have the new list: ${join(authority.directory, 'crl.pem')} (cfs serve --crl)`);
  return 0;
}

/** `cfs cert list`: what was issued, and for how long it is valid. */
export async function certList(options: { dir?: string; json?: boolean }): Promise<number> {
  const issued = await openAuthority(options.dir).list();
  if (options.json) printJson(issued.map((one) => ({ ...one, revokedAt: one.revokedAt ?? null })));
  else if (issued.length === 0) print('no certificates');
  else print(columns([heading, ...issued.map(row)]));
  return 0;
}

const heading = ['NAME', 'FOR', 'HOSTS', 'VALIDITY', 'EXPIRES', 'SERIAL'];

function row(one: IssuedCertificate): string[] {
  const expires = one.notAfter.toISOString().slice(0, 10);
  return [one.name, one.use, one.hosts.join(',') || '-', validityInWords(one, today()), expires, one.serial];
}

function openAuthority(dir: string | undefined): CertificateAuthority {
  const authority = CertificateAuthority.open(resolve(dir ?? existing(defaultPki())));
  for (const warning of authority.warnings) process.stderr.write(`cfs: warning: ${warning}\n`);
  return authority;
}

/** A user who may read the machine's authority works with that where there is none of their own. */
function existing(directory: string): string {
  const shared = '/etc/cfs/pki';
  return !existsSync(directory) && existsSync(shared) ? shared : directory;
}

const clock: Clock = new SystemClock();

function today(): Date {
  clock.readWall();
  return new Date(clock.wallSec * 1000);
}
