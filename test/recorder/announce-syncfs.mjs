/**
 * Loaded into the daemon before anything else (`NODE_OPTIONS=--import=…`): the kernel does not pass syncfs(2) on to a
 * FUSE server, so the recorder cannot see it. This tells it by marks, around the call itself.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import process from 'node:process';

const marks = process.env['CFS_RECORDER_MARKS'];
if (marks !== undefined) {
  const native = createRequire(import.meta.url)('../../native/index.cjs');
  const { syncfs } = native;
  native.syncfs = (fd, done) => {
    mark('syncfs begins');
    syncfs(fd, (result) => {
      mark('syncfs ends');
      done(result);
    });
  };
}

function mark(text) {
  const file = openSync(marks, 'w');
  writeSync(file, text);
  closeSync(file);
}
