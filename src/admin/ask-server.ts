import { request } from 'node:http';
import { FsError, type Status, statuses } from '#base';
import type { ServerStatus, SessionStatus } from './server-status.ts';
import { storeSocket } from './store-socket.ts';

/** Ending a session or a volume waits for the disk. */
const answerTimeoutMs = 60_000;

/** What can be asked of the server that holds a store, and what it answers. */
interface Questions {
  'GET /status': { body: undefined; answer: ServerStatus };
  'GET /sessions': { body: undefined; answer: SessionStatus[] };
  'POST /sessions/evict': { body: { session: number; volume?: string }; answer: unknown };
  'POST /volumes/create': { body: { name: string }; answer: unknown };
  'POST /volumes/remove': { body: { name: string }; answer: unknown };
}

/**
 * Asks the server that holds `store`; undefined when none does. Fails with what the server fails with, `accessDenied`
 * for a socket of another user, and `timedOut`.
 */
export async function askServer<Q extends keyof Questions>(
  store: string,
  question: Q,
  body: Questions[Q]['body'],
): Promise<Questions[Q]['answer'] | undefined> {
  const socket = storeSocket(store);
  try {
    const { code, text } = await exchange(socket.path, question, body === undefined ? undefined : JSON.stringify(body));
    if (code === 200) return JSON.parse(text) as Questions[Q]['answer'];
    const { status, message } = JSON.parse(text) as { status: string; message: string };
    throw new FsError(Object.hasOwn(statuses, status) ? (status as Status) : 'io', message);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') return undefined;
    if (code === 'EACCES') {
      throw new FsError('accessDenied', `the server of ${store} is another user's: ask as that user`, { cause: error });
    }
    throw error;
  } finally {
    socket.close();
  }
}

function exchange(
  socketPath: string,
  question: string,
  body: string | undefined,
): Promise<{ code: number | undefined; text: string }> {
  const [method, path] = question.split(' ') as [string, string];
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, method, path, agent: false, timeout: answerTimeoutMs }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ code: response.statusCode, text }));
      response.on('error', reject);
    });
    asking.on('timeout', () => {
      asking.destroy(new FsError('timedOut', `the server did not answer within ${answerTimeoutMs / 1000} s`));
    });
    asking.on('error', reject);
    asking.end(body);
  });
}
