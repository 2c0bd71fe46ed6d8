import { MessageChannel } from 'node:worker_threads';

/**
 * Keeps this process running while it waits for nothing but timers, which alone keep no process alive, until the
 * returned function is called.
 */
export function keepAlive(): () => void {
  const { port1, port2 } = new MessageChannel();
  port1.ref();
  return () => {
    port1.close();
    port2.close();
  };
}
