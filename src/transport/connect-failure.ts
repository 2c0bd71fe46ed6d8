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
    /ALERT_CERTIFICATE_REQUIRED/,
    'accessDenied',
    (where) => `${where} asks for a certificate, and this client has none`,
  ],
  [
    /ALERT_CERTIFICATE_EXPIRED/,
    'accessDenied',
    (where) => `${where} refused this client's certificate: it has expired`,
  ],
  [
    /ALERT_CERTIFICATE_REVOKED/,
    'accessDenied',
    (where) => `${where} refused this client's certificate: it was revoked`,
  ],
  [
    /ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE|DECRYPT_ERROR|ACCESS_DENIED)/,
    'accessDenied',
    (where) => `${where} refused this client's certificate: it is not from the authority that the server trusts`,
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

/** The like for a server: why somebody's handshake failed. */
export function handshakeFailure(error: Error): string {
  const code = codeOf(error);
  if (/PEER_DID_NOT_RETURN_A_CERTIFICATE/.test(code)) return 'the client has no certificate';
  if (/CERT_HAS_EXPIRED/.test(code)) return "the client's certificate has expired";
  if (/CERT_REVOKED/.test(code)) return "the client's certificate was revoked";
  if (/HTTP_REQUEST|WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW/.test(code)) {
    return 'the client does not speak TLS 1.3';
  }
  if (/ECONNRESET/.test(code)) return 'the client went away during the handshake: it may not trust this server';
  return `the handshake failed: ${error.message}`;
}
