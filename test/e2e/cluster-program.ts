/**
 * An application on one host of a cluster: `cluster-program.ts LOG TOKEN COUNT` appends a record with its token and a
 * number COUNT times to a log that others append to as well, and prints the number of each record that was
 * acknowledged. It waits while the file system does.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import process from 'node:process';

const [log = '', token = '', count = '0'] = process.argv.slice(2);
const fd = openSync(log, 'a');
for (let number = 0; number < Number(count); number++) {
  const record = `${token} ${String(number).padStart(8, '0')}\n`;
  if (writeSync(fd, record) !== record.length) throw new Error('a short write');
  writeSync(1, `${number}\n`);
}
closeSync(fd);
