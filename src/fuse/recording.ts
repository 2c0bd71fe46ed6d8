import type { RequestHandler } from './device.ts';
import type { Outlet } from './dispatcher.ts';
import type { Frame } from './frame.ts';

/** Sees every request and every reply, as the kernel and the daemon wrote them. The bytes are only lent. */
export type Observer = (kind: 'request' | 'reply', bytes: Uint8Array) => void;

/** An outlet that shows its replies to `observe`. */
export function observedOutlet(outlet: Outlet, observe: Observer): Outlet {
  return {
    lateFrame: outlet.lateFrame,
    send(frame, length) {
      observe('reply', frame.bytes.subarray(frame.replyStart, frame.replyStart + length));
      return outlet.send(frame, length);
    },
    sendWithBody(frame, headLength, body) {
      observe('reply', Buffer.concat([frame.bytes.subarray(frame.replyStart, frame.replyStart + headLength), body]));
      return outlet.sendWithBody(frame, headLength, body);
    },
    release: (frame) => outlet.release(frame),
  };
}

/** A handler that shows its requests, and the replies it leaves in place, to `observe`. */
export function observedHandler(handler: RequestHandler, observe: Observer): RequestHandler {
  return {
    dispatch(frame: Frame, length: number): number {
      observe('request', frame.bytes.subarray(frame.requestStart, frame.requestStart + length));
      const replyLength = handler.dispatch(frame, length);
      if (replyLength > 0) observe('reply', frame.bytes.subarray(frame.replyStart, frame.replyStart + replyLength));
      return replyLength;
    },
    get lends() {
      return handler.lends;
    },
    taken: (result) => handler.taken(result),
  };
}
