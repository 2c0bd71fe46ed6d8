/** What a running process tells about itself. */
export { createLogger, type Logger, type LogLevel, logLevels, silentLogger } from './log.ts';
