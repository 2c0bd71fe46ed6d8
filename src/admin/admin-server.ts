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

  /**
   * Listens in `directory`; fails with `io` when the socket cannot be made. `failure` is the end of the mount: the
   * sentence that says what went wrong, or null. Whoever asks for it waits for that.
   */
  static async listen(
    directory: string,
    { status, failure }: { status: () => MountStatus; failure: Promise<string | null> },
  ): Promise<AdminServer> {
    prepareRuntimeDirectory(directory);
    const path = join(directory, `${process.pid}.sock`);
    rmSync(path, { force: true });
    const server = createServer((request, response) => {
      const answer = (code: number, body: unknown): void => {
        response.writeHead(code, { 'content-type': 'application/json', connection: 'close' });
        response.end(JSON.stringify(body));
      };
      if (request.method !== 'GET') answer(404, { error: 'not found' });
      else if (request.url === '/status') answer(200, status());
      else if (request.url === '/end') {
        response.writeHead(200, { 'content-type': 'application/json', connection: 'close' }).flushHeaders();
        void failure.then((sentence) => response.end(JSON.stringify({ failure: sentence })));
      } else answer(404, { error: 'not found' });
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

  /** Answers under way are still given. */
  close(): void {
    this.#server.close();
    rmSync(this.#path, { force: true });
  }
}
