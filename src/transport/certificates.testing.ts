import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { TlsIdentity } from './tls.ts';

const dayMs = 86_400_000;
const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;

export interface CertificateOptions {
  /** Names and addresses of a server. */
  readonly hosts?: readonly string[];
  /** From now; negative: expired already. */
  readonly validForMs?: number;
}

/** A small authority, for tests of TLS. */
export class TestAuthority {
  readonly pem: string;
  readonly #name: string;
  readonly #keys: webcrypto.CryptoKeyPair;
  #nextSerial = 2;

  private constructor(name: string, keys: webcrypto.CryptoKeyPair, pem: string) {
    this.#name = name;
    this.#keys = keys;
    this.pem = pem;
  }

  static async make(name: string): Promise<TestAuthority> {
    const keys = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: '01',
      name: `CN=${name}`,
      notBefore: new Date(Date.now() - dayMs),
      notAfter: new Date(Date.now() + dayMs),
      keys,
      signingAlgorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ],
    });
    return new TestAuthority(`CN=${name}`, keys, certificate.toString('pem'));
  }

  async issue(name: string, { hosts = [], validForMs = dayMs }: CertificateOptions = {}): Promise<TestIdentity> {
    const keys = await makeKeys();
    const serialNumber = (this.#nextSerial++).toString(16).padStart(2, '0');
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber,
      subject: `CN=${name}`,
      issuer: this.#name,
      notBefore: new Date(Date.now() - 2 * dayMs),
      notAfter: new Date(Date.now() + validForMs),
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm,
      extensions: [
        new x509.SubjectAlternativeNameExtension(
          hosts.map((value) => ({ type: /^[\d.:]+$/.test(value) ? ('ip' as const) : ('dns' as const), value })),
        ),
      ],
    });
    const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
    const keyPem = `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`;
    return { cert: certificate.toString('pem'), key: keyPem, ca: this.pem, serialNumber };
  }

  /** A list that revokes these. */
  async revoke(...identities: TestIdentity[]): Promise<string> {
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#name,
      thisUpdate: new Date(Date.now() - dayMs),
      nextUpdate: new Date(Date.now() + dayMs),
      entries: identities.map(({ serialNumber }) => ({ serialNumber, revocationDate: new Date(Date.now() - dayMs) })),
      signingKey: this.#keys.privateKey,
      signingAlgorithm,
    });
    // What OpenSSL calls it.
    return list.toString('pem').replaceAll(/(BEGIN|END) CRL/g, '$1 X509 CRL');
  }
}

export interface TestIdentity extends TlsIdentity {
  readonly serialNumber: string;
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
}
