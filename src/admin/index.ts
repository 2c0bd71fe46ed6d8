/** What operators ask a running mount. */
export { askDaemons, askForEnd, type DaemonAnswer } from './admin-client.ts';
export { AdminServer } from './admin-server.ts';
export { isRunning } from './process.ts';
export { runtimeDirectory } from './runtime-directory.ts';
export type { MountStatus } from './status.ts';
