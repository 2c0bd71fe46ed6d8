import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { FsError } from '#base';
import type { ServerControl } from './server-status.ts';
import { storeSocket } from './store-socket.ts';

/** A name of a volume or a number is all that comes. */
const bodyMaxBytes = 4096;

/** Answers `cfs admin` and `cfs volume`: HTTP with JSON over a Unix socket in the store, which only its user may open. */
export class ServerAdmin {
  readonly #server: Server;
  readonly #socket: { path: string; close: () => void };

  private constructor(server: Server, socket: { path: string; close: () => void }) {
    this.#server = server;
    this.#socket = socket;
  }

  /** Listens in `store`, which this process holds; fails with `io` when the socket cannot be made. */
  static async listen(store: string, control: ServerControl): Promise<ServerAdmin> {
    const socket = storeSocket(store);
    // Of a server that was killed: this one holds the store.
    rmSync(socket.path, { force: true });
    const server = createServer((request, response) => {
      const answer = (code: number, body: unknown): void => {
        response.writeHead(code, { 'content-type': 'application/json', connection: 'close' });
        response.end(JSON.stringify(body));
      };
      carryOut(control, request).then(
        (result) => answer(200, result ?? {}),
        (error: unknown) => answer(400, failureOf(error)),
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(new FsError('io', `cannot listen on ${socket.path}: ${cause.message}`, { cause })),
      );
      server.listen(socket.path, resolve);
    });
    chmodSync(socket.path, 0o600);
    server.unref();
    return new ServerAdmin(server, socket);
  }

  close(): void {
    this.#server.close();
    rmSync(this.#socket.path, { force: true });
    this.#socket.close();
  }
}

async function carryOut(control: ServerControl, request: IncomingMessage): Promise<unknown> {
  const route = `${request.method} ${request.url}`;
  switch (route) {
    case 'GET /status':
      return control.status();
    case 'GET /sessions':
      return control.sessions();
    case 'POST /sessions/evict': {
      const { session, volume } = await bodyOf(request);
      return control.evict(Number(session), volume === undefined ? undefined : String(volume));
    }
    case 'POST /volumes/create':
      return control.createVolume(String((await bodyOf(request))['name']));
    case 'POST /volumes/remove':
      return control.removeVolume(String((await bodyOf(request))['name']));
    default:
      throw new FsError('notImplemented', `the server does not know ${route}`);
  }
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let body = '';
  request.setEncoding('utf8');
  for await (const chunk of request) {
    body += chunk as string;
    if (body.length > bodyMaxBytes) throw new FsError('argumentTooLong', `more than ${bodyMaxBytes} bytes`);
  }
  try {
    return JSON.parse(body) as Record<string, unknown>;
  } catch (cause) {
    throw new FsError('invalid', 'the request is no JSON', { cause });
  }
}

function failureOf(error: unknown): { status: string; message: string } {
  if (error instanceof FsError) return { status: error.status, message: error.message };
  return { status: 'io', message: `a bug: ${error}` };
}
