type X509 = typeof import('@peculiar/x509');

/** Loaded when a certificate is made or read: half of a second that no mount has to wait for. */
export async function loadX509(): Promise<X509> {
  // The library asks for this polyfill, before it is loaded itself.
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/** Every key here: small, fast, and known to every TLS 1.3. */
export const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
