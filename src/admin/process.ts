import { readFileSync } from 'node:fs';

/**
 * Whether a process runs. One that has ended but that nobody has collected yet (a zombie) does not: its files and
 * locks are gone, and where process 1 is no real init it may stay a zombie for long.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  try {
    // "PID (NAME) STATE …", where the name may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const state = stat[stat.lastIndexOf(')') + 2];
    return state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}
