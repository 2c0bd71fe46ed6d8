import { createPrivateKey, X509Certificate } from 'node:crypto';
import { FsError } from '#base';
import type { CertificateUse } from './certificate-authority.ts';
import { keyExposure, readPem } from './pem-files.ts';

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  /** A revocation list, of servers. */
  readonly crl?: string;
}

/** What a side of TLS proves who it is with, as node:tls takes it. */
export interface TlsCredentials {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly crl: string | undefined;
  /** The common name in the certificate. */
  readonly name: string;
  /** What an operator should mend, in sentences. */
  readonly warnings: readonly string[];
}

const usageIds = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;
const soonMs = 14 * 86_400_000;

/**
 * Reads certificate, key and authority and fails, in one sentence, where the other side would refuse them: `notFound`,
 * `accessDenied`, `invalid`.
 */
export function loadTlsCredentials(files: TlsFiles, { use, now }: { use: CertificateUse; now: Date }): TlsCredentials {
  const cert = readPem(files.cert, 'certificate');
  const key = readPem(files.key, 'key');
  const ca = readPem(files.ca, 'certificate of the authority');
  const crl = files.crl === undefined ? undefined : readPem(files.crl, 'revocation list');
  const certificate = parsed(cert, files.cert);
  requireKey(certificate, key, files);
  requireIssuer(certificate, ca, files);
  requireUse(certificate, files.cert, use);
  const until = requireTime(certificate, files.cert, now);
  const warnings: string[] = [];
  const exposure = keyExposure(files.key);
  if (exposure !== undefined) warnings.push(exposure);
  if (until.getTime() - now.getTime() < soonMs) {
    warnings.push(`the certificate ${files.cert} expires on ${dayOf(until)}: issue a new one in time`);
  }
  return { cert, key, ca, crl, name: commonName(certificate), warnings };
}

function parsed(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new FsError('invalid', `${path} holds no certificate`, { cause });
  }
}

function requireKey(certificate: X509Certificate, pem: string, { key, cert }: TlsFiles): void {
  let fits: boolean;
  try {
    fits = certificate.checkPrivateKey(createPrivateKey(pem));
  } catch (cause) {
    throw new FsError('invalid', `${key} holds no private key, or one with a passphrase`, { cause });
  }
  if (!fits) throw new FsError('invalid', `the key ${key} does not belong to the certificate ${cert}`);
}

function requireIssuer(certificate: X509Certificate, ca: string, files: TlsFiles): void {
  const authorities = ca.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const issued = authorities.some((pem) => {
    const authority = parsed(pem, files.ca);
    return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  });
  // A chain with intermediate certificates is left to TLS, which looks at all of it.
  const isChain = (pem: string): boolean => (pem.match(/-----BEGIN CERTIFICATE-----/g) ?? []).length > 1;
  if (issued || isChain(readPem(files.cert, 'certificate'))) return;
  throw new FsError('invalid', `the certificate ${files.cert} was not issued by the authority in ${files.ca}`);
}

function requireUse(certificate: X509Certificate, path: string, use: CertificateUse): void {
  const usages = certificate.keyUsage as string[] | undefined;
  if (usages === undefined || usages.length === 0 || usages.includes(usageIds[use])) return;
  const other = use === 'server' ? 'client' : 'server';
  throw new FsError('invalid', `${path} is the certificate of a ${other}, and a ${use} needs one issued with --${use}`);
}

/** Returns until when it is valid. */
function requireTime(certificate: X509Certificate, path: string, now: Date): Date {
  const from = new Date(certificate.validFrom);
  const until = new Date(certificate.validTo);
  if (now > until) throw new FsError('invalid', `the certificate ${path} expired on ${dayOf(until)}: issue a new one`);
  if (now >= from) return until;
  throw new FsError('invalid', `the certificate ${path} is valid from ${dayOf(from)} on only: is this clock right?`);
}

function commonName(certificate: X509Certificate): string {
  return /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? certificate.subject;
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}
