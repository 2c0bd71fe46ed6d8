import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cfsPath, isMounted, Site } from './mounted.ts';

/** A site with a server of its own, an authority, and several places to mount. */
export class ServedSite extends Site {
  readonly pki = join(this.root, 'pki');
  #server: ChildProcess | undefined;
  #log = '';
  port = 0;

  /** The authority, the server's certificate and one for each client. */
  async certify(...clients: string[]): Promise<void> {
    await this.must('cert', 'init', '--dir', this.pki);
    await this.must(
      'cert',
      'issue',
      '--dir',
      this.pki,
      '--name',
      'server',
      '--host',
      '127.0.0.1',
      '--host',
      'localhost',
    );
    for (const name of clients) await this.must('cert', 'issue', '--dir', this.pki, '--name', name);
  }

  /** Fails unless the command works. */
  async must(...args: string[]): Promise<string> {
    const finished = await this.cfs(...args);
    if (finished.code !== 0) throw new Error(`cfs ${args[0]} failed with ${finished.code}: ${finished.stderr}`);
    return finished.stdout;
  }

  certificates(name: string): string[] {
    const file = (kind: string): string => join(this.pki, name, `${kind}.pem`);
    return ['--cert', file('cert'), '--key', file('key'), '--ca', file('ca')];
  }

  /** Starts a server and waits until it listens. */
  async serve(...options: string[]): Promise<void> {
    const listen = ['--listen', `127.0.0.1:${this.port}`];
    const args = ['serve', '--store', this.store, ...listen, ...options];
    const server = spawn(cfsPath, args, { env: this.environment, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#server = server;
    server.stderr.on('data', (chunk: Buffer) => {
      this.#log += chunk.toString();
    });
    const ended = once(server, 'close').then(() => Promise.reject(new Error(`the server ended: ${this.#log}`)));
    ended.catch(() => undefined);
    const [line] = (await Promise.race([once(server.stdout, 'data'), ended])) as [Buffer];
    this.port = Number(/:(\d+) \(/.exec(line.toString())?.[1]);
  }

  /** What the server logged so far. */
  get log(): string {
    return this.#log;
  }

  signal(signal: NodeJS.Signals): void {
    this.#server?.kill(signal);
  }

  /** Ends the server with a signal and returns its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const server = this.#server;
    if (server === undefined || server.exitCode !== null) return server?.exitCode ?? null;
    server.kill(signal);
    const [code] = (await once(server, 'close')) as [number | null];
    return code;
  }

  /** A directory to mount on. */
  place(name: string): string {
    const path = join(this.root, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Mounts as a client; the result tells whether that worked. */
  mountAs(client: string, place: string, ...options: string[]) {
    const servers = `--metadata-servers=127.0.0.1:${this.port}`;
    return this.cfs('mount', this.place(place), servers, ...this.certificates(client), ...options);
  }

  protected override async unmountAll(): Promise<void> {
    for (const name of ['a', 'b', 'c']) {
      const path = join(this.root, name);
      for (let tries = 0; tries < 5 && (await isMounted(path)); tries++) await this.cfs('umount', '-l', path);
    }
    await this.stop('SIGKILL');
    await super.unmountAll();
  }
}
