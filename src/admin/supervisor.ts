import { file } from '#base';

/**
 * Tells whoever supervises this process what it does, as sd_notify(3): `READY=1`, `STOPPING=1`, `STATUS=...`. Without
 * NOTIFY_SOCKET nobody wants to know.
 */
export function notifySupervisor(environment: NodeJS.ProcessEnv, ...lines: string[]): void {
  const path = environment['NOTIFY_SOCKET'];
  // What cannot be told is no reason to stop: the supervisor will notice.
  if (path !== undefined && path !== '') file.sendDatagram(path, `${lines.join('\n')}\n`);
}
