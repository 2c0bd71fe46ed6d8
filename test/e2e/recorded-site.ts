import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { FsError } from '#base';
import { unmount } from '#fuse';
import { marksName } from '../recorder/disk-event.ts';
import type { RecorderOptions } from '../recorder/recorder-mount.ts';
import { isMounted, Site, startProgram } from './mounted.ts';

const inRecorder = (name: string): string => fileURLToPath(new URL(`../recorder/${name}`, import.meta.url));

/**
 * A site whose store lies on a recording file system, which a process of its own serves: a daemon that waited for
 * itself could not be killed.
 */
export class RecordedSite extends Site {
  readonly disk = join(this.root, 'disk');
  /** Where the recording is once it has ended. */
  readonly recording = join(this.root, 'recording');
  override readonly store: string = join(this.disk, 'store');
  /** The file that takes marks. */
  readonly marks = join(this.disk, marksName);
  #recorder: ChildProcess | undefined;

  constructor() {
    super();
    mkdirSync(this.disk);
    mkdirSync(this.recording);
    this.environment['CFS_RECORDER_MARKS'] = this.marks;
    this.environment['NODE_OPTIONS'] = `--import=${pathToFileURL(inRecorder('announce-syncfs.mjs')).href}`;
  }

  async startRecording(options: Partial<RecorderOptions>): Promise<void> {
    const program = startProgram(inRecorder('recorder-mount.ts'), [this.disk, this.recording, JSON.stringify(options)]);
    this.#recorder = program;
    const mounted = program.stdout === null ? undefined : once(program.stdout, 'data');
    await Promise.race([mounted, once(program, 'exit')]);
    if (program.exitCode !== null) throw new Error(`the recorder ended with ${program.exitCode}`);
  }

  /** Unmounts the recorder and waits for the recording. The store must not be in use any more. */
  async endRecording(): Promise<void> {
    const recorder = this.#recorder;
    if (recorder === undefined) throw new Error('nothing is recorded');
    const ended = once(recorder, 'exit');
    await this.#unmountDisk();
    const [code] = await ended;
    this.#recorder = undefined;
    if (code !== 0) throw new Error(`the recorder ended with ${code}`);
  }

  /** Whatever looks at all mounts of the machine may be in the way for a moment. */
  async #unmountDisk(): Promise<void> {
    for (let tries = 0; tries < 20; tries++) {
      const isBusy = await unmount(this.disk).then(() => false, isBusyError);
      if (!isBusy) return;
      await pause(100);
    }
    await unmount(this.disk);
  }

  protected override async unmountAll(): Promise<void> {
    await super.unmountAll();
    // The death of the recorder fails whatever still waits for it.
    this.#recorder?.kill('SIGKILL');
    if (await isMounted(this.disk)) await unmount(this.disk, { lazy: true });
  }
}

function isBusyError(error: unknown): true {
  if (error instanceof FsError && error.status === 'busy') return true;
  throw error;
}
