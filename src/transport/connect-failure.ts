import { FsError, type Status } from '#base';

/** What the codes of Node and OpenSSL mean for somebody who mounts; `where` is the server's host and port. */
const sentences: readonly (readonly [RegExp, Status, (where: string) => string])[] = [
  [/^ECONNREFUSED$/, 'disconnected', (where) => `nobody listens at ${where}`],
  [/^(?:ENOTFOUND|EAI_AGAIN|EAI_NODATA)$/, 'disconnected', (where) => `${where} has no address`],
  [/^(?:EHOSTUNREACH|ENETUNREACH|EHOSTDOWN)$/, 'disconnected', (where) => `no way leads to ${where}`],
  [/^ETIMEDOUT$/, 'disconnected', (where) => `${where} does not answer`],
  [/^CERT_HAS_EXPIRED$/, 'accessDenied', (where) => `the certificate of ${where} has expired`],
  [/^CERT_NOT_YET_VALID$/, 'accessDenied', (where) => `the certificate of ${where} is not valid yet`],
  [/^CERT_REVOKED$/, 'accessDenied', (where) => `the certificate of ${where} was revoked`],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'accessDenied', (where) => `the certificate of ${where} is for another host name`],
  [
    /^(?:SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED|INVALID_CA|INVALID_PURPOSE|UNABLE_TO_GET_CRL|CRL_.*)$/,
    'accessDenied',
    (where) => `the certificate of ${where} is not from the authority that this client trusts`,
  ],
  [
    /(?:WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|PACKET_LENGTH_TOO_LONG|ALERT_PROTOCOL_VERSION)/,
    'accessDenied',
    (where) => `${where} does not speak TLS 1.3: it may be a server without certificates (--insecure)`,
  ],
];

/** Why a connection that was never there is not there, in one sentence: `reason` with what can be said better. */
export function connectFailure(reason: FsError, where: string): FsError {
  if (reason.status === 'invalid') {
    return new FsError('accessDenied', `${where} is no server for this client: ${reason.message}`, { cause: reason });
  }
  const cause = reason.cause;
  if (!(cause instanceof Error)) return reason;
  const code = codeOf(cause);
  const found = sentences.find(([pattern]) => pattern.test(code));
  if (found === undefined) return new FsError('disconnected', `cannot connect to ${where}: ${code}`, { cause });
  const [, status, sentence] = found;
  return new FsError(status, sentence(where), { cause });
}

/** A host name with several addresses fails with all that went wrong; they are mostly of one kind. */
function codeOf(cause: Error): string {
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return codeOf(cause.errors[0]);
  return 'code' in cause ? String(cause.code) : cause.message;
}

/** Why a server does not accept the certificate of a client. */
export function certificateFailure(code: string): string {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return 'its certificate has expired';
    case 'CERT_NOT_YET_VALID':
      return 'its certificate is not valid yet';
    case 'CERT_REVOKED':
      return 'its certificate was revoked';
    default:
      return `its certificate is not from the authority that the server trusts (${code})`;
  }
}

/** Why somebody's handshake failed, for the server's log. */
export function handshakeFailure(error: Error): string {
  const code = codeOf(error);
  if (/HTTP_REQUEST|WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|BAD_PACKET|RECORD/.test(code)) {
    return 'it does not speak TLS 1.3';
  }
  if (/ALERT|ECONNRESET/.test(code))
    return `it went away during the handshake, and may not trust this server (${code})`;
  return `the handshake failed: ${error.message}`;
}
