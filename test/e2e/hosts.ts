import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { promisify } from 'node:util';
import { mountObstacle } from '#fuse';

const run = promisify(execFile);
/** For tests that need several hosts: making network namespaces is root's. */
export const withHosts = {
  skip: mountObstacle() ?? (process.getuid?.() !== 0 && 'only root makes network namespaces'),
};

/**
 * Hosts on one machine: each a network namespace with a cable to a switch, which has a namespace of its own too, so
 * that nothing of it touches the network of the machine. They share the file system. A namespace lives as long as
 * the process that holds it.
 */
export class Network implements AsyncDisposable {
  readonly #switch: Namespace;
  readonly #hosts: Host[] = [];

  private constructor(namespace: Namespace) {
    this.#switch = namespace;
  }

  static async make(): Promise<Network> {
    const namespace = await Namespace.make();
    const network = new Network(namespace);
    await namespace.run('ip', 'link', 'add', 'switch', 'type', 'bridge');
    await namespace.run('ip', 'link', 'set', 'switch', 'up');
    return network;
  }

  async addHost(name: string): Promise<Host> {
    const namespace = await Namespace.make();
    const number = this.#hosts.length + 1;
    const port = `port${number}`;
    const host = new Host(name, `10.93.0.${number}`, namespace, () =>
      this.#switch.run('ip', 'link', 'set', port, 'up'),
    );
    this.#hosts.push(host);
    const cable = ['ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'cable', 'netns', `${namespace.pid}`];
    await this.#switch.run(...cable);
    await this.#switch.run('ip', 'link', 'set', port, 'master', 'switch', 'up');
    await namespace.run('ip', 'address', 'add', `${host.address}/24`, 'dev', 'cable');
    await namespace.run('ip', 'link', 'set', 'lo', 'up');
    await namespace.run('ip', 'link', 'set', 'cable', 'up');
    host.unplug = () => this.#switch.run('ip', 'link', 'set', port, 'down');
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.#hosts) await host.namespace.end();
    await this.#switch.end();
  }
}

export class Host {
  readonly name: string;
  readonly address: string;
  readonly namespace: Namespace;
  /** Puts the cable back. */
  readonly plug: () => Promise<void>;
  /** Pulls the cable: what is sent is lost, and nobody is told. */
  unplug: () => Promise<void> = async () => undefined;

  constructor(name: string, address: string, namespace: Namespace, plug: () => Promise<void>) {
    this.name = name;
    this.address = address;
    this.namespace = namespace;
    this.plug = plug;
  }

  /** The words of a command that runs `command` on this host. */
  on(...command: string[]): [string, ...string[]] {
    return ['nsenter', `--net=/proc/${this.namespace.pid}/ns/net`, ...command];
  }
}

class Namespace {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async make(): Promise<Namespace> {
    // It ends with the pipe to its standard input, so that it outlives nobody.
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo made; read -r forever'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(holder, 'close').then(() => {
      throw new Error('no network namespace could be made');
    });
    ended.catch(() => undefined);
    await Promise.race([once(holder.stdout!, 'data'), ended]);
    return new Namespace(holder);
  }

  get pid(): number {
    return this.#holder.pid!;
  }

  async run(...command: string[]): Promise<void> {
    await run('nsenter', [`--net=/proc/${this.pid}/ns/net`, ...command]);
  }

  async end(): Promise<void> {
    if (this.#holder.exitCode !== null) return;
    const closed = once(this.#holder, 'close');
    this.#holder.stdin?.end();
    await closed;
  }
}
