import { createServer, type Server } from 'node:http';
import { FsError } from '#base';

/**
 * `GET /healthz`: the process answers; `GET /readyz`: it takes new sessions, else 503 with the reason. For load
 * balancers and orchestrators; it tells nothing else.
 */
export class HealthEndpoint {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `notReady`: why no session is taken; undefined when they are. Fails with `busy`, `accessDenied` and `io`. */
  static async listen(
    { host, port }: { host: string; port: number },
    notReady: () => string | undefined,
  ): Promise<HealthEndpoint> {
    const server = createServer((request, response) => {
      const reason = request.url === '/readyz' ? notReady() : undefined;
      const known = request.url === '/healthz' || request.url === '/readyz';
      response.writeHead(known ? (reason === undefined ? 200 : 503) : 404, { 'content-type': 'text/plain' });
      response.end(`${known ? (reason ?? 'ok') : 'not found'}\n`);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const status = cause.code === 'EADDRINUSE' ? 'busy' : cause.code === 'EACCES' ? 'accessDenied' : 'io';
        reject(new FsError(status, `cannot listen at ${host}:${port} for --health: ${cause.code}`, { cause }));
      });
      server.listen({ host, port }, resolve);
    });
    server.unref();
    return new HealthEndpoint(server);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
