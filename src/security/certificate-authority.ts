import { randomBytes, type webcrypto } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { X509Certificate } from '@peculiar/x509';
import { FsError, file } from '#base';
import { fromPem, keyExposure, readPem, toPem, writeWhole } from './pem-files.ts';
import { keyAlgorithm, loadX509 } from './x509.ts';

const dayMs = 86_400_000;
/** A machine whose clock is behind must not take a new certificate for one of the future. */
const clockSlackMs = 5 * 60_000;
const defaultDays = 365;
const authorityDays = 3650;
const daysMax = 36_500;
/** What a certificate can name (RFC 5280, ub-common-name), and a file and an exports line can hold without quotes. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
const hostPattern =
  /^(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

/** What a certificate is good for: proving a server's host name, or a client's name. */
export type CertificateUse = 'server' | 'client';

export interface IssueRequest {
  readonly name: string;
  readonly use: CertificateUse;
  /** Host names and addresses that the certificate proves; a server needs at least one. */
  readonly hosts: readonly string[];
  /** How long it is valid. Default 365. */
  readonly days?: number;
  /** The directory that gets `cert.pem`, `key.pem` and `ca.pem`. */
  readonly into: string;
}

export interface IssuedCertificate {
  readonly name: string;
  /** Hexadecimal. */
  readonly serial: string;
  readonly use: CertificateUse;
  readonly hosts: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** When it was revoked; undefined while it counts. */
  readonly revokedAt: Date | undefined;
}

/**
 * A small certificate authority in a directory: `ca.pem`, its key `ca-key.pem` that only the owner reads, the
 * revocation list `crl.pem`, and every certificate that was issued, in `issued/SERIAL.pem`. The files are the truth;
 * there is no index beside them.
 */
export class CertificateAuthority {
  readonly directory: string;
  /** What an operator should mend, in sentences. */
  readonly warnings: readonly string[];

  private constructor(directory: string) {
    this.directory = directory;
    const exposure = keyExposure(join(directory, 'ca-key.pem'));
    this.warnings = exposure === undefined ? [] : [exposure];
  }

  /** Makes an authority; fails with `exists` where there is one. */
  static async init(directory: string, { name, now }: { name: string; now: Date }): Promise<CertificateAuthority> {
    if (existsSync(join(directory, 'ca.pem'))) {
      throw new FsError('exists', `there is a certificate authority in ${directory} already: choose another --dir`);
    }
    try {
      file.makeDirectories(join(directory, 'issued'), 0o700);
    } catch (cause) {
      throw new FsError('io', `cannot make ${directory}: ${(cause as Error).message}`, { cause });
    }
    const x509 = await loadX509();
    const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerial(),
      name: [{ CN: [name] }],
      notBefore: new Date(now.getTime() - clockSlackMs),
      notAfter: new Date(now.getTime() + authorityDays * dayMs),
      signingAlgorithm: keyAlgorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const key = toPem('PRIVATE KEY', await crypto.subtle.exportKey('pkcs8', keys.privateKey));
    writeWhole(join(directory, 'ca-key.pem'), key, 0o600);
    await writeRevocations(directory, certificate, keys.privateKey, { now, entries: [] });
    // Last: a directory with this file is an authority.
    writeWhole(join(directory, 'ca.pem'), `${certificate.toString('pem')}\n`, 0o644);
    return new CertificateAuthority(directory);
  }

  /** Fails with `notFound` when there is none. */
  static open(directory: string): CertificateAuthority {
    if (!existsSync(join(directory, 'ca.pem'))) {
      const advice = `make one with cfs cert init --dir ${directory}, or name another --dir`;
      throw new FsError('notFound', `there is no certificate authority in ${directory}: ${advice}`);
    }
    return new CertificateAuthority(directory);
  }

  /**
   * Issues a certificate and writes it, its key (for its owner only) and the authority's certificate. Fails with
   * `exists` when the name has one that counts, and with `invalid` for what cannot be certified.
   */
  async issue(request: IssueRequest, now: Date): Promise<IssuedCertificate> {
    requireValid(request);
    return this.#exclusively(async () => {
      await this.#requireFree(request.name, now);
      requireUnused(request.into);
      const x509 = await loadX509();
      const { certificate: authority, key } = await this.#load(now);
      const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
      const notAfter = new Date(now.getTime() + (request.days ?? defaultDays) * dayMs);
      if (notAfter > authority.notAfter) {
        const left = Math.floor((authority.notAfter.getTime() - now.getTime()) / dayMs);
        throw new FsError(
          'invalid',
          `--days ${request.days ?? defaultDays}: the authority itself is valid for ${left} days`,
        );
      }
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: newSerial(),
        subject: [{ CN: [request.name] }],
        issuer: authority.subject,
        notBefore: new Date(now.getTime() - clockSlackMs),
        notAfter,
        signingKey: key,
        publicKey: keys.publicKey,
        signingAlgorithm: keyAlgorithm,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([usageIds[request.use]]),
          await x509.AuthorityKeyIdentifierExtension.create(authority, false),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
          ...(request.hosts.length === 0
            ? []
            : [new x509.SubjectAlternativeNameExtension(request.hosts.map(hostName))]),
        ],
      });
      const pem = `${certificate.toString('pem')}\n`;
      // Known to the authority before anybody can use it, so that it can always be revoked.
      writeWhole(join(this.directory, 'issued', `${certificate.serialNumber}.pem`), pem, 0o644);
      const keyPem = toPem('PRIVATE KEY', await crypto.subtle.exportKey('pkcs8', keys.privateKey));
      writeWhole(join(request.into, 'key.pem'), keyPem, 0o600);
      writeWhole(join(request.into, 'ca.pem'), readPem(join(this.directory, 'ca.pem'), 'certificate'), 0o644);
      writeWhole(join(request.into, 'cert.pem'), pem, 0o644);
      return describe(certificate, new Map());
    });
  }

  /** Revokes every certificate of `name` that counts, or the one with that serial number, and returns them. */
  async revoke(nameOrSerial: string, now: Date): Promise<IssuedCertificate[]> {
    return this.#exclusively(async () => {
      const all = await this.list();
      const meant = all.filter(({ name, serial }) => name === nameOrSerial || serial === nameOrSerial.toLowerCase());
      if (meant.length === 0) {
        throw new FsError('notFound', `no certificate for ${nameOrSerial} was issued here: see cfs cert list`);
      }
      const revoked = meant.filter(({ revokedAt }) => revokedAt === undefined);
      if (revoked.length === 0) throw new FsError('exists', `${nameOrSerial} is revoked already`);
      const { certificate, key } = await this.#load(now);
      const before = all.flatMap(({ serial, revokedAt }) =>
        revokedAt === undefined ? [] : [{ serial, at: revokedAt }],
      );
      const entries = [...before, ...revoked.map(({ serial }) => ({ serial, at: now }))];
      await writeRevocations(this.directory, certificate, key, { now, entries });
      return revoked.map((one) => ({ ...one, revokedAt: now }));
    });
  }

  /** All that were issued, by name and then by age. */
  async list(): Promise<IssuedCertificate[]> {
    const x509 = await loadX509();
    const revoked = await revokedSerials(readPem(join(this.directory, 'crl.pem'), 'revocation list'));
    const issued = readdirSync(join(this.directory, 'issued'))
      .filter((name) => name.endsWith('.pem'))
      .map((name) => {
        const path = join(this.directory, 'issued', name);
        try {
          return describe(new x509.X509Certificate(readPem(path, 'certificate')), revoked);
        } catch (cause) {
          throw cause instanceof FsError ? cause : new FsError('corrupted', `${path} is no certificate`, { cause });
        }
      });
    return issued.sort((a, b) => a.name.localeCompare(b.name) || a.notBefore.getTime() - b.notBefore.getTime());
  }

  async #requireFree(name: string, now: Date): Promise<void> {
    const taken = (await this.list()).find(
      (one) => one.name === name && one.revokedAt === undefined && one.notAfter > now,
    );
    if (taken === undefined) return;
    const until = taken.notAfter.toISOString().slice(0, 10);
    const advice = `revoke it with cfs cert revoke ${name}, or choose another --name`;
    throw new FsError('exists', `the name ${name} has a certificate that is valid until ${until}: ${advice}`);
  }

  async #load(now: Date): Promise<{ certificate: X509Certificate; key: webcrypto.CryptoKey }> {
    const x509 = await loadX509();
    const certificatePath = join(this.directory, 'ca.pem');
    const certificate = new x509.X509Certificate(readPem(certificatePath, 'certificate'));
    if (certificate.notAfter <= now) {
      throw new FsError('invalid', `the authority in ${this.directory} expired: make a new one with cfs cert init`);
    }
    const keyPath = join(this.directory, 'ca-key.pem');
    const pem = fromPem(readPem(keyPath, 'key'));
    try {
      const key = await crypto.subtle.importKey('pkcs8', new Uint8Array(pem), keyAlgorithm, false, ['sign']);
      return { certificate, key };
    } catch (cause) {
      throw new FsError('corrupted', `${keyPath} is no key of this authority: restore it from a backup`, { cause });
    }
  }

  /** Two commands at once must not lose one another's revocation. */
  async #exclusively<T>(body: () => Promise<T>): Promise<T> {
    const path = join(this.directory, 'lock');
    const fd = file.check(file.openAt(file.AT_FDCWD, path, openLockFlags, 0o600), 'open', path);
    try {
      if (file.lockFile(fd, true) < 0) {
        throw new FsError('busy', `another cfs cert works in ${this.directory}: try again when it has finished`);
      }
      return await body();
    } finally {
      file.closeFd(fd);
    }
  }
}

/** O_RDWR | O_CREAT | O_CLOEXEC. */
const openLockFlags = 0o2 | 0o100 | 0o2000000;

/** RFC 5280, section 4.2.1.12. */
const usageIds = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;

/** The serial numbers in a revocation list, and since when. Fails with `invalid` when it is none. */
export async function revokedSerials(pem: string): Promise<Map<string, Date>> {
  const { X509Crl } = await loadX509();
  try {
    return new Map(new X509Crl(pem).entries.map((entry) => [entry.serialNumber, entry.revocationDate]));
  } catch (cause) {
    throw new FsError('invalid', 'the revocation list cannot be read', { cause });
  }
}

/** "valid for 3 months", "expired 2 days ago", "revoked". */
export function validityInWords({ notAfter, revokedAt }: IssuedCertificate, now: Date): string {
  if (revokedAt !== undefined) return `revoked on ${revokedAt.toISOString().slice(0, 10)}`;
  const leftMs = notAfter.getTime() - now.getTime();
  return leftMs > 0 ? `valid for ${spanInWords(leftMs)}` : `expired ${spanInWords(-leftMs)} ago`;
}

function spanInWords(ms: number): string {
  const days = ms < dayMs ? 0 : Math.round(ms / dayMs);
  const [count, unit] =
    days >= 730 ? [Math.floor(days / 365), 'year'] : days > 0 ? [days, 'day'] : [Math.floor(ms / 3_600_000), 'hour'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

async function writeRevocations(
  directory: string,
  authority: X509Certificate,
  signingKey: webcrypto.CryptoKey,
  { now, entries }: { now: Date; entries: readonly { serial: string; at: Date }[] },
): Promise<void> {
  const { X509CrlGenerator } = await loadX509();
  const list = await X509CrlGenerator.create({
    issuer: authority.subject,
    thisUpdate: new Date(now.getTime() - clockSlackMs),
    // A list that expired would lock everybody out; this one counts until it is replaced.
    nextUpdate: authority.notAfter,
    signingAlgorithm: keyAlgorithm,
    signingKey,
    entries: entries.map(({ serial, at }) => ({ serialNumber: serial, revocationDate: at })),
  });
  // OpenSSL knows the list by this label alone.
  writeWhole(join(directory, 'crl.pem'), toPem('X509 CRL', list.rawData), 0o644);
}

function describe(certificate: X509Certificate, revoked: ReadonlyMap<string, Date>): IssuedCertificate {
  const usages = certificate.getExtension('2.5.29.37') as { usages?: unknown[] } | null;
  const names = certificate.getExtension('2.5.29.17') as { names?: { items: { value: string }[] } } | null;
  return {
    name: certificate.subjectName.getField('CN')[0] ?? certificate.subject,
    serial: certificate.serialNumber,
    use: usages?.usages?.includes(usageIds.server) === true ? 'server' : 'client',
    hosts: names?.names?.items.map(({ value }) => value) ?? [],
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    revokedAt: revoked.get(certificate.serialNumber),
  };
}

function requireValid({ name, use, hosts, days }: IssueRequest): void {
  if (!namePattern.test(name)) {
    const rule = 'a name is 1 to 64 letters, digits and . _ @ -, and begins with a letter or digit';
    throw new FsError('invalid', `--name ${name}: ${rule}`);
  }
  if (use === 'server' && hosts.length === 0) {
    throw new FsError('invalid', 'a server needs --host: the names or addresses that its clients mount from');
  }
  for (const host of hosts) {
    if (isIP(host) === 0 && (host.length > 253 || !hostPattern.test(host))) {
      throw new FsError('invalid', `--host ${host}: it is neither a host name nor an address`);
    }
  }
  if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= daysMax)) {
    throw new FsError('invalid', `--days ${days}: it is a whole number from 1 to ${daysMax}`);
  }
}

/** A key that somebody uses is not overwritten: the machine could not go back to it. */
function requireUnused(directory: string): void {
  try {
    file.makeDirectories(directory, 0o755);
  } catch (cause) {
    throw new FsError('io', `cannot make ${directory}: ${(cause as Error).message}`, { cause });
  }
  if (!existsSync(join(directory, 'key.pem'))) return;
  throw new FsError('exists', `${directory} holds a key already: move it away, or choose another --out`);
}

/** 16 random bytes, positive, without a leading zero (RFC 5280, section 4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function hostName(host: string): { type: 'ip' | 'dns'; value: string } {
  return { type: isIP(host) === 0 ? 'dns' : 'ip', value: host };
}
