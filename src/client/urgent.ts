import { sessionCalls } from '#protocol';

/** Whether a call must not wait in line behind others: those of a session end what others wait for. */
export function isUrgentCall(code: number): boolean {
  return code >= sessionCalls.createSession.code;
}
