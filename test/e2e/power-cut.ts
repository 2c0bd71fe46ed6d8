import { strict as assert } from 'node:assert';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SeededRandom } from '#base';
import { Actor, CallError, O } from '../actor/index.ts';
import type { PowerCut, TreeMark } from './cut-checker.ts';
import { startProgram } from './mounted.ts';
import type { CheckLine, CheckPlan } from './power-cut-checker.ts';
import type { RecordedSite } from './recorded-site.ts';
import { TreeWriter } from './tree-writer.ts';

const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** Where a recording is kept that shows a failure; git ignores it. */
const evidence = fileURLToPath(new URL('../../.tmp/power-cut/', import.meta.url));

/** Applications that work on a mount at a time, and what they wrote down in the recording. */
export class Applications {
  readonly #site: RecordedSite;
  readonly #running: Promise<void>[] = [];
  readonly #end = new AbortController();

  constructor(site: RecordedSite) {
    this.#site = site;
  }

  /**
   * Starts some, each with a directory of its own, and waits until they work. One goes on with `tree`. No two calls may
   * have one seed.
   */
  async start(seed: number, tree: Tree): Promise<void> {
    const starts = [2 * seed, 2 * seed + 1].map((own) => this.#startProgram(own));
    starts.push(new Promise((atWork) => this.#running.push(this.#changeTree(tree, atWork))));
    await Promise.race([Promise.all(starts), Promise.all(this.#running)]);
  }

  /** Ends them in the midst of their work, or waits for their end when their file system has gone away. */
  async stop(): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#running);
  }

  async #startProgram(seed: number): Promise<void> {
    const { mountpoint, marks } = this.#site;
    const program = startProgram(beside('fsync-writer.ts'), [mountpoint, String(seed), marks]);
    this.#running.push(this.#untilClosed(program));
    await once(program.stdout!, 'data');
    program.stdout!.resume();
  }

  async #untilClosed(program: ChildProcess): Promise<void> {
    const closed = once(program, 'close');
    this.#end.signal.addEventListener('abort', () => program.kill('SIGKILL'));
    const [code, signal] = await closed;
    assert(code === 0 || signal === 'SIGKILL', `the writer ended with ${code}`);
  }

  async #changeTree({ name, writer }: Tree, atWork: () => void): Promise<void> {
    try {
      await using maker = await Actor.start({ cwd: this.#site.mountpoint });
      if (!(await maker.exists(name))) await maker.mkdir(name);
      await maker.fsync(await maker.open('.', O.DIRECTORY));
      await using actor = await Actor.start({ cwd: `${this.#site.mountpoint}/${name}` });
      const marks = await actor.open(this.#site.marks, O.WRONLY);
      writer.useActor(actor, async (fact) => {
        await actor.pwrite(marks, JSON.stringify({ tree: name, fact } satisfies TreeMark), 0);
        atWork();
      });
      while (!this.#end.signal.aborted) await writer.step();
    } catch (error) {
      if (!isFileSystemGone(error)) throw error;
    }
  }
}

/** A directory of the mount, and who knows what is in it. */
interface Tree {
  readonly name: string;
  readonly writer: TreeWriter;
}

function isFileSystemGone(error: unknown): boolean {
  return error instanceof CallError && ['ENOTCONN', 'ECONNABORTED', 'EIO', 'ENOENT'].includes(error.code);
}

/** Records applications at work, several times `workMs`, and the `ends` of the daemon amid it or after it. */
export async function recordWork(
  site: RecordedSite,
  options: { seed: number; workMs: number; ends: readonly ('killed' | 'unmounted')[]; mountOptions: readonly string[] },
): Promise<void> {
  const { seed, workMs, ends, mountOptions } = options;
  let tree: Tree | undefined;
  for (const [round, end] of ends.entries()) {
    await site.mount(...mountOptions);
    const applications = new Applications(site);
    const own = 10 * seed + round;
    tree ??= { name: `tree-${own}`, writer: new TreeWriter(new SeededRandom(own)) };
    await applications.start(own, tree);
    await pause(workMs);
    if (end === 'killed') await site.killDaemon();
    await applications.stop();
    if (end === 'unmounted') await site.umount();
    // What was not synced may be lost, and so the writer knows no more what there is.
    else tree = undefined;
  }
  await site.endRecording();
}

export interface CheckedCuts {
  readonly cuts: number;
  readonly promises: number;
  readonly failures: readonly { cut: PowerCut; message: string }[];
}

/** Cuts the power in a recording as planned. */
export async function checkCuts(recording: string, plan: CheckPlan): Promise<CheckedCuts> {
  const checker = startProgram(beside('power-cut-checker.ts'), [recording, JSON.stringify(plan)]);
  const ended = once(checker, 'close');
  const failures: { cut: PowerCut; message: string }[] = [];
  let cuts = 0;
  let promises = 0;
  let last: PowerCut | undefined;
  try {
    for await (const text of createInterface(checker.stdout!)) {
      const line = JSON.parse(text) as CheckLine;
      if ('begins' in line) {
        last = line.begins;
        cuts += 1;
        continue;
      }
      if ('kept' in line) promises += line.kept;
      else failures.push({ cut: last!, message: line.failure });
      last = undefined;
    }
    const [code, signal] = await ended;
    if (last !== undefined) failures.push({ cut: last, message: `the checker ended with ${signal ?? code}` });
    else assert.equal(code, 0, `the checker ended with ${signal ?? code}`);
    return { cuts, promises, failures };
  } finally {
    checker.kill('SIGKILL');
  }
}

/** Fails when a cut did, keeps the recording, and says how to see it again. */
export function assertNoFailure({ failures }: CheckedCuts, recording: string, name: string): void {
  const [first] = failures;
  if (first === undefined) return;
  const kept = `${evidence}${name}`;
  rmSync(kept, { recursive: true, force: true });
  cpSync(recording, kept, { recursive: true });
  const { model, at, seed } = first.cut;
  const again = `CFS_POWER_CUT=${model}:${at}:${seed} CFS_POWER_CUT_RECORDING=${kept} npm test power-cut`;
  assert.fail(`${first.message}\nto see it again: ${again}`);
}

/** The cut that the environment asks to see again, if it does. */
export function askedCut(environment: NodeJS.ProcessEnv): { cut: PowerCut; recording: string } | undefined {
  const { CFS_POWER_CUT: text, CFS_POWER_CUT_RECORDING: recording } = environment;
  if (text === undefined || recording === undefined) return undefined;
  const [model, at, seed] = text.split(':');
  return { cut: { model: model as PowerCut['model'], at: Number(at), seed: Number(seed) }, recording };
}
