/**
 * Removes what is left of a test run that was killed: `test-caretaker.mjs DIRECTORY...`. Standard input is a pipe whose
 * other end only the run has, so that its end is the end of the run, however that came.
 */

import process from 'node:process';
import { Leftovers } from './test-site.mjs';

process.stdin.on('end', () => new Leftovers(process.argv.slice(2)).remove()).resume();
