import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { type Host, Network } from './hosts.ts';
import { cfsPath, type Finished, finished, gone, isMounted, unmountWhatever } from './mounted.ts';

export const port = 9300;

/** What mounts and servers prove themselves with. */
export type Trust = 'certificates' | 'insecure';

/**
 * Several hosts, one of which serves a store that the others mount, as an operator would set it up: with the program
 * `cfs` alone. Its end unmounts, ends and removes all of it.
 */
export class ClusterSite implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'cfs-cluster-'));
  readonly store = join(this.root, 'store');
  readonly trust: Trust;
  readonly #network: Network;
  readonly #machines = new Map<string, Machine>();
  #server: ChildProcess | undefined;
  /** What the servers have written so far. */
  serverLog = '';

  private constructor(network: Network, trust: Trust) {
    this.#network = network;
    this.trust = trust;
  }

  /** One server and a client for each name; nothing is mounted yet. */
  static async make(clients: readonly string[], trust: Trust = 'certificates'): Promise<ClusterSite> {
    const site = new ClusterSite(await Network.make(), trust);
    for (const name of ['server', ...clients]) {
      site.#machines.set(name, new Machine(await site.#network.addHost(name), join(site.root, name)));
    }
    if (trust === 'certificates') await site.#makeCertificates(clients);
    await site.serve();
    return site;
  }

  machine(name: string): Machine {
    const machine = this.#machines.get(name);
    if (machine === undefined) throw new Error(`no host is called ${name}`);
    return machine;
  }

  get serverHost(): Host {
    return this.machine('server').host;
  }

  /** Starts the server and waits until it listens. */
  async serve(...options: string[]): Promise<void> {
    const { host } = this.machine('server');
    const args = ['serve', '--store', this.store, '--listen', `${host.address}:${port}`, ...options];
    const [command, ...words] = host.on(cfsPath, ...args, ...this.trustOptions('server'));
    const server = spawn(command, words, {
      env: this.machine('server').environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#server = server;
    const listening = new Promise<void>((resolve, reject) => {
      const hear = (chunk: Buffer): void => {
        this.serverLog += chunk.toString();
        if (this.serverLog.slice(before).includes('serving')) resolve();
      };
      const before = this.serverLog.length;
      server.stdout?.on('data', hear);
      server.stderr?.on('data', hear);
      server.once('close', (code) =>
        reject(new Error(`cfs serve ended with ${code}: ${this.serverLog.slice(before)}`)),
      );
    });
    await listening;
  }

  /** Ends the server as a crash does. */
  async killServer(): Promise<void> {
    await this.#endServer('SIGKILL');
  }

  /** Ends it in order; its exit code. */
  async stopServer(): Promise<number | null> {
    return this.#endServer('SIGTERM');
  }

  /** Runs `cfs` on a host. */
  cfs(name: string, ...args: string[]): Promise<Finished> {
    const { host, environment } = this.machine(name);
    const [command, ...words] = host.on(cfsPath, ...args);
    return finished(command, words, environment);
  }

  /** Mounts on a client; fails unless that works. */
  async mount(name: string, ...options: string[]): Promise<string> {
    const { mountpoint } = this.machine(name);
    const servers = `--metadata-servers=${this.serverHost.address}:${port}`;
    const result = await this.cfs(name, 'mount', mountpoint, servers, ...this.trustOptions(name), ...options);
    if (result.code !== 0) throw new Error(`cfs mount on ${name} failed with ${result.code}: ${result.stderr}`);
    return mountpoint;
  }

  async umount(name: string): Promise<void> {
    const result = await this.cfs(name, 'umount', this.machine(name).mountpoint);
    if (result.code !== 0) throw new Error(`cfs umount on ${name} failed with ${result.code}: ${result.stderr}`);
  }

  /** The process id of the daemon of a client's mount. */
  async daemonPid(name: string): Promise<number> {
    const mounts = JSON.parse((await this.cfs(name, 'status', '--json')).stdout) as { daemonPid: number }[];
    if (mounts[0] === undefined) throw new Error(`nothing is mounted on ${name}`);
    return mounts[0].daemonPid;
  }

  trustOptions(name: string): string[] {
    if (this.trust === 'insecure') return ['--insecure', '--force-insecure'];
    const pki = join(this.root, 'pki');
    return ['--cert', join(pki, name, 'cert.pem'), '--key', join(pki, name, 'key.pem'), '--ca', join(pki, 'ca.pem')];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [name, { mountpoint }] of this.#machines) {
      if (await isMounted(mountpoint)) await this.#killDaemonOf(name);
      await unmountWhatever(mountpoint);
    }
    if (this.#server !== undefined) await this.#endServer('SIGKILL');
    await this.#network[Symbol.asyncDispose]();
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  async #makeCertificates(clients: readonly string[]): Promise<void> {
    const pki = join(this.root, 'pki');
    await this.#issue('init', '--dir', pki);
    await this.#issue('issue', '--dir', pki, '--server', '--name', 'server', '--host', this.serverHost.address);
    for (const name of clients) await this.#issue('issue', '--dir', pki, '--client', '--name', name);
  }

  async #issue(...args: string[]): Promise<void> {
    const { code, stderr } = await this.cfs('server', 'cert', ...args);
    if (code !== 0) throw new Error(`cfs cert ${args[0]} failed with ${code}: ${stderr}`);
  }

  async #endServer(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined || server.exitCode !== null) return server?.exitCode ?? null;
    const closed = once(server, 'close');
    server.kill(signal);
    const [code] = (await closed) as [number | null];
    return code;
  }

  async #killDaemonOf(name: string): Promise<void> {
    const pid = await this.daemonPid(name).catch(() => undefined);
    if (pid === undefined) return;
    process.kill(pid, 'SIGCONT');
    process.kill(pid, 'SIGKILL');
    await Promise.race([gone(pid), pause(5000)]);
  }
}

/** A host with a mount point and places of its own. */
class Machine {
  readonly host: Host;
  readonly mountpoint: string;
  readonly environment: NodeJS.ProcessEnv;

  constructor(host: Host, directory: string) {
    this.host = host;
    this.mountpoint = join(directory, 'mnt');
    mkdirSync(this.mountpoint, { recursive: true });
    this.environment = {
      ...process.env,
      CFS_RUNTIME_DIR: join(directory, 'run'),
      XDG_DATA_HOME: join(directory, 'data'),
      XDG_STATE_HOME: join(directory, 'state'),
    };
  }
}
