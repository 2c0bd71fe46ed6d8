/** What operators ask a running mount or server. */
export { askDaemons, askForEnd, type DaemonAnswer } from './admin-client.ts';
export { AdminServer } from './admin-server.ts';
export { askServer } from './ask-server.ts';
export { HealthEndpoint } from './health.ts';
export { isRunning } from './process.ts';
export { runtimeDirectory } from './runtime-directory.ts';
export { ServerAdmin } from './server-admin.ts';
export type { ServerControl, ServerStatus, SessionStatus } from './server-status.ts';
export type { ClusterStatus, MountStatus } from './status.ts';
export { notifySupervisor } from './supervisor.ts';
