/**
 * A process at one end of a connection: `end.ts server OPTIONS` prints its port and serves until it is killed, `end.ts
 * client OPTIONS` asks for a second and prints the rate.
 */

import { askCfs, serveCfs } from './cfs.ts';
import { askPlain, servePlain } from './plain.ts';
import type { EndOptions } from './work.ts';

const [, , role, json = '{}'] = process.argv;
const options: EndOptions = JSON.parse(json);
if (role === 'server') {
  const port = await (options.target === 'cfs' ? serveCfs(options) : servePlain(options));
  process.stdout.write(`${port}\n`);
} else {
  const rate = await (options.target === 'cfs' ? askCfs(options) : askPlain(options));
  process.stdout.write(JSON.stringify(rate));
  process.exit(0);
}
