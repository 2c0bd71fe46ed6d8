import { constants } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, createServer, type PeerCertificate, type Server, type TLSSocket } from 'node:tls';
import { FsError } from '#base';
import { certificateFailure, handshakeFailure } from './connect-failure.ts';
import { streamLimits } from './limits.ts';
import { StreamConnection } from './stream-connection.ts';
import { addressOf, type ListenOptions, SocketListener, type StreamListener } from './stream-listener.ts';
import { type ConnectOptions, connectionOptions } from './tcp.ts';
import type { Connection } from './transport.ts';

/** Who this end is, and whom it believes; PEM. */
export interface TlsIdentity {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Certificates of the authority that signed the other end's. */
  readonly ca: string | Buffer;
  /** Lists of certificates that the authority has revoked. */
  readonly crl?: string | Buffer | (string | Buffer)[] | undefined;
}

export interface TlsConnectOptions extends ConnectOptions {
  readonly tls: TlsIdentity;
  /** What the server's certificate must be for. Default: `host`. */
  readonly serverName?: string;
}

export interface TlsListenOptions extends ListenOptions {
  readonly tls: TlsIdentity;
}

export interface TlsListener extends StreamListener {
  /** From now on for new connections: after a certificate was renewed, or others revoked. */
  renew(tls: TlsIdentity): void;
}

/** Both ends are ours, so the newest version alone will do. */
const versions = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;
/** A session that is resumed brings no certificate: one that was revoked meanwhile would come back by it. */
const serverVersions = { ...versions, secureOptions: constants.SSL_OP_NO_TICKET } as const;

/**
 * A connection over TLS 1.3, both ends with certificates. As `connectTcp`; when either certificate is not accepted,
 * calls fail with `accessDenied` and the reason. Fails with `invalid` when its own cannot be read.
 */
export function connectTls(options: TlsConnectOptions): Connection {
  const { host, port, tls, serverName = host } = options;
  // An address is no name that the handshake may carry; the certificate is compared with it all the same.
  const servername = isIP(serverName) === 0 ? { servername: serverName } : {};
  const socket = usable(() => connect({ host, port, ...tls, ...versions, ...servername, rejectUnauthorized: true }));
  socket.setNoDelay(true);
  return new StreamConnection({ ...connectionOptions(options), socket, readyEvent: 'secureConnect', checksums: false });
}

/** Serves over TLS 1.3 whoever has a certificate of the authority. */
export async function listenTls(options: TlsListenOptions): Promise<TlsListener> {
  const tlsOptions = {
    ...options.tls,
    ...serverVersions,
    requestCert: true,
    // Node would end the connection without a word to either side: whoever is not authorized is refused below.
    rejectUnauthorized: false,
    noDelay: true,
    handshakeTimeout: options.limits?.connectTimeoutMs ?? streamLimits.connectTimeoutMs,
  };
  const server = usable(() => createServer(tlsOptions));
  const listener = new RenewableListener(server, options);
  server.on('secureConnection', (socket) => {
    if (socket.authorized && !socket.isSessionReused()) listener.accept(socket, nameOf(socket.getPeerCertificate()));
    else listener.refuse(socket, whyUnauthorized(socket));
  });
  server.on('tlsClientError', (error, socket) => listener.refused(handshakeFailure(error), addressOf(socket)));
  return await listener.listen();
}

class RenewableListener extends SocketListener implements TlsListener {
  readonly #secureServer: Server;

  constructor(server: Server, options: ListenOptions) {
    super(server, options, false);
    this.#secureServer = server;
  }

  renew(tls: TlsIdentity): void {
    usable(() => this.#secureServer.setSecureContext({ ...tls, ...serverVersions }));
  }
}

/** Certificates and keys are read when they are first used. */
function usable<T>(use: () => T): T {
  try {
    return use();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new FsError('invalid', `certificate, key or authority cannot be used: ${message}`, { cause });
  }
}

function whyUnauthorized(socket: TLSSocket): string {
  if (socket.isSessionReused()) return 'it resumes a session, which proves nothing';
  if (Object.keys(socket.getPeerCertificate()).length === 0) return 'it has no certificate';
  return certificateFailure(String(socket.authorizationError));
}

/** The subject's common name, or where it has none the first DNS name. */
function nameOf({ subject, subjectaltname }: PeerCertificate): string | undefined {
  const name: unknown = subject?.CN;
  if (typeof name === 'string' && name !== '') return name;
  return /(?:^|, )DNS:([^,]+)/.exec(subjectaltname ?? '')?.[1];
}
