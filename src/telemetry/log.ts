import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * A log of JSON lines, written synchronously so that nothing is lost when the process ends: to the open descriptor
 * `fd`, or appended to the file `path`.
 */
export function createLogger(level: LogLevel, destination: { fd: number } | { path: string }): Logger {
  const target = 'fd' in destination ? destination.fd : destination.path;
  return pino({ level, base: { pid: process.pid } }, pino.destination({ dest: target, sync: true, mkdir: true }));
}

/** A log that is written nowhere, for tests and tools. */
export const silentLogger: Logger = pino({ level: 'silent' });
