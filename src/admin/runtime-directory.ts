import { join } from 'node:path';
import { file } from '#base';

/**
 * Where running mounts are found: one Unix socket per daemon, named by its process id. Root's is /run/claudefs, a
 * user's is below XDG_RUNTIME_DIR, or a private directory in /tmp where that is not set.
 */
export function runtimeDirectory(environment: NodeJS.ProcessEnv, uid: number): string {
  const override = environment['CFS_RUNTIME_DIR'];
  if (override !== undefined && override !== '') return override;
  if (uid === 0) return '/run/claudefs';
  const base = environment['XDG_RUNTIME_DIR'];
  return base === undefined || base === '' ? `/tmp/claudefs-${uid}` : join(base, 'claudefs');
}

/** Makes the directory, for its owner only. */
export function prepareRuntimeDirectory(directory: string): void {
  file.makeDirectories(directory, 0o700);
}
