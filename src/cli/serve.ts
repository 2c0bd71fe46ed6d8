import { HealthEndpoint, notifySupervisor, ServerAdmin, type ServerControl } from '#admin';
import { type Clock, FsError, SystemClock, SystemRandom } from '#base';
import { type Exports, loadTlsCredentials, type TlsCredentials, type TlsFiles } from '#security';
import { ClusterServer, createCodec, exportAdmission } from '#server';
import { createLogger, type Logger } from '#telemetry';
import { type ListenOptions, listenTcp, listenTls, type StreamListener, type TlsListener } from '#transport';
import { type HostPort, showHostPort } from './addresses.ts';
import { exitCodes } from './exit-codes.table.ts';
import { print, sentenceOf } from './output.ts';
import { readExports, type ServeFlags, type ServeOptions, serveOptionsOf } from './serve-options.ts';
import { ServedStore } from './served-store.ts';
import { TlsWatch } from './tls-watch.ts';
import { version } from './version.ts';

/** How long calls that are under way may take when the server is told to stop. */
const drainMs = 10_000;

/** Serves until SIGTERM or SIGINT, in the foreground. A second signal ends it at once. */
export async function serve(flags: ServeFlags): Promise<number> {
  const options = serveOptionsOf(flags);
  const log = createLogger(options.logLevel, { fd: 2 });
  const server = await RunningServer.start(options, log);
  print(server.sentence);
  notifySupervisor(process.env, 'READY=1', `STATUS=${server.sentence}`);
  await untilTold(log, () => server.reload());
  notifySupervisor(process.env, 'STOPPING=1');
  await server.stop();
  log.info('stopped');
  return exitCodes.ok.code;
}

/** Resolves at the first signal to end; SIGHUP calls `reload`. */
function untilTold(log: Logger, reload: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let told = false;
  const end = (signal: string): void => {
    if (told) {
      log.warn({ signal }, 'ended without waiting');
      process.exit(exitCodes.failed.code);
    }
    told = true;
    log.info({ signal }, 'draining');
    resolve();
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  process.on('SIGHUP', reload);
  return promise;
}

class RunningServer {
  readonly #options: ServeOptions;
  readonly #log: Logger;
  readonly #clock: Clock = new SystemClock();
  readonly #listeners: StreamListener[] = [];
  #store!: ServedStore;
  #exports: Exports | undefined;
  #admin: ServerAdmin | undefined;
  #health: HealthEndpoint | undefined;
  #watch: TlsWatch | undefined;
  #notReady: string | undefined = 'starting';
  readonly #startedAtMs = this.#clock.nowMs();

  private constructor(options: ServeOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
  }

  /** Fails, in one sentence, when anything of it cannot be had; then nothing is left running. */
  static async start(options: ServeOptions, log: Logger): Promise<RunningServer> {
    const server = new RunningServer(options, log);
    try {
      await server.#start();
      return server;
    } catch (cause) {
      await server.#end().catch((error: unknown) => log.error(error, 'ending a start that failed'));
      throw cause;
    }
  }

  /** For the person who started it. */
  get sentence(): string {
    const where = this.#listeners.map(showHostPort).join(', ');
    const how = this.#options.tls === undefined ? 'without TLS' : 'TLS';
    return `serving ${this.#options.store} at ${where} (${how}), volumes: ${[...this.#store.volumes.keys()].join(', ')}`;
  }

  /** Reads exports and certificates again; what cannot be read leaves what was there. */
  reload(): void {
    try {
      this.#exports = readExports(this.#options.exportsPath);
      this.#renew();
      this.#log.info('exports and certificates were read again');
    } catch (error) {
      this.#log.error(`not reloaded: ${sentenceOf(error)}`);
    }
  }

  /** Lets calls that are under way finish, makes all durable and closes. Fails when that lost something. */
  async stop(): Promise<void> {
    this.#notReady = 'draining';
    this.#store.drain();
    await Promise.all(this.#listeners.map((listener) => listener.drain(drainMs)));
    await this.#end();
  }

  async #start(): Promise<void> {
    const { store, listen, tls, exportsPath, health, sessionTtlMs } = this.#options;
    // First what a mistake is most likely in, so that a refusal makes no store.
    const credentials = tls && this.#credentials(tls);
    this.#exports = readExports(exportsPath);
    this.#logTrust();
    const machine = { clock: this.#clock, random: new SystemRandom() };
    this.#store = await ServedStore.open(store, { ...machine, log: this.#log, sessionTtlMs });
    const server = new ClusterServer({
      volumes: this.#store.volumes,
      admit: exportAdmission(this.#store.volumes, () => this.#exports),
    });
    this.#admin = await ServerAdmin.listen(store, this.#control());
    if (health !== undefined) this.#health = await HealthEndpoint.listen(health, () => this.#notReady);
    for (const address of listen) this.#listeners.push(await this.#listen(address, server, credentials));
    if (tls !== undefined) this.#watch = new TlsWatch(tls, this.#clock, () => this.reload());
    this.#notReady = undefined;
  }

  #listen(address: HostPort, server: ClusterServer, tls: TlsCredentials | undefined): Promise<StreamListener> {
    const options: ListenOptions = {
      ...address,
      codec: createCodec(),
      handler: server.handle,
      reuse: (bytes) => this.#store.reuse(bytes),
      clock: this.#clock,
      onRefused: (reason, from) => this.#log.warn({ address: from, reason }, 'a client was refused'),
      onConnected: ({ address: from, identity }) => this.#log.debug({ address: from, identity }, 'connected'),
      onDisconnected: ({ address: from, identity }, { message }) => {
        this.#log.debug({ address: from, identity, reason: message }, 'disconnected');
      },
    };
    return tls === undefined ? listenTcp(options) : listenTls({ ...options, tls: identityOf(tls) });
  }

  #credentials(files: TlsFiles): TlsCredentials {
    this.#clock.readWall();
    const credentials = loadTlsCredentials(files, { use: 'server', now: new Date(this.#clock.wallSec * 1000) });
    for (const warning of credentials.warnings) this.#log.warn(warning);
    return credentials;
  }

  /** New connections from here on; the others are ended, since clients make new ones, and whoever is revoked cannot. */
  #renew(): void {
    const { tls } = this.#options;
    const identity = tls && identityOf(this.#credentials(tls));
    for (const listener of this.#listeners) {
      if (identity !== undefined) (listener as TlsListener).renew(identity);
      for (const peer of [...listener.connections]) peer.close('exports or certificates have changed');
    }
  }

  #logTrust(): void {
    const { exportsPath, tls } = this.#options;
    if (this.#exports !== undefined) this.#log.info({ exports: exportsPath, rules: this.#exports.size }, 'exports');
    else if (tls === undefined)
      this.#log.warn('without TLS and exports: whoever reaches this server may do everything');
    else this.#log.info('without exports: every client with a certificate may read and write every volume as a whole');
  }

  #control(): ServerControl {
    const { store, tls } = this.#options;
    return {
      status: () => ({
        pid: process.pid,
        version,
        uptimeSeconds: Math.round(this.#clock.nowMs() - this.#startedAtMs) / 1000,
        store,
        listen: this.#listeners.map(showHostPort),
        tls: tls !== undefined,
        draining: this.#notReady === 'draining',
        volumes: [...this.#store.volumes.keys()],
        sessions: this.#store.sessions().length,
      }),
      sessions: () => this.#store.sessions(),
      evict: (session, volume) => this.#store.evict(session, volume),
      createVolume: (name) => this.#store.createVolume(name),
      removeVolume: (name) => this.#store.removeVolume(name),
    };
  }

  async #end(): Promise<void> {
    this.#watch?.close();
    this.#health?.close();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    this.#admin?.close();
    try {
      await (this.#store as ServedStore | undefined)?.close();
    } catch (cause) {
      throw new FsError('io', `the store could not be closed in order: ${sentenceOf(cause)}`, { cause });
    }
  }
}

function identityOf({ cert, key, ca, crl }: TlsCredentials) {
  return { cert, key, ca, ...(crl === undefined ? {} : { crl }) };
}
