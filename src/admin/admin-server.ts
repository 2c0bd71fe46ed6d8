import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { FsError } from '#base';
import { prepareRuntimeDirectory } from './runtime-directory.ts';
import type { MountStatus } from './status.ts';

/**
 * Answers `cfs status` and its kin: HTTP with JSON over a Unix socket that only the daemon's user may open.
 */
export class AdminServer {
  readonly #server: Server;
  readonly #path: string;

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  /** Listens in `directory`; fails with `io` when the socket cannot be made. */
  static async listen(directory: string, status: () => MountStatus): Promise<AdminServer> {
    prepareRuntimeDirectory(directory);
    const path = join(directory, `${process.pid}.sock`);
    rmSync(path, { force: true });
    const server = createServer((request, response) => {
      const known = request.method === 'GET' && request.url === '/status';
      response.writeHead(known ? 200 : 404, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(known ? status() : { error: 'not found' }));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(new FsError('io', `cannot listen on ${path}: ${cause.message}`, { cause })),
      );
      server.listen(path, resolve);
    });
    server.unref();
    return new AdminServer(server, path);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    rmSync(this.#path, { force: true });
  }
}
