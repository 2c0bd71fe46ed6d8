/** Processes that act as applications in tests, one system call at a time. */

export { Actor, type ActorOptions } from './actor.ts';
export { CallError, type Entry, outcome, type Stat, type Statfs } from './answers.ts';
export type { Bytes, Time } from './calls.ts';
export * from './constants.ts';
