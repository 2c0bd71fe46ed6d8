/** Bounds of one connection over a stream, each the default of an option that has its name. */
export interface StreamLimits {
  /** The longest body of a frame. */
  readonly bodyMaxBytes: number;
  /** Calls that a server works on for one connection; a client sends no more, and keeps the others in line. */
  readonly callsMax: number;
  /** Bytes of their bodies. */
  readonly callBytesMax: number;
  /** Calls of a client on one connection, sent or in line; one more fails with `busy`. */
  readonly waitingMax: number;
  /** With so much unsent, a server reads no more calls until its client has read replies. */
  readonly unsentMaxBytes: number;
  /** A client that lets so much lie that was pushed is dropped. */
  readonly pushedMaxBytes: number;
  /** Without a sign of life for so long, a connection is taken for broken; a client pings after half of it. */
  readonly silenceMs: number;
  /** From the call of `connect` to the hello of the server. */
  readonly connectTimeoutMs: number;
}

export const streamLimits: StreamLimits = {
  bodyMaxBytes: 16 * 1024 * 1024,
  callsMax: 1024,
  callBytesMax: 64 * 1024 * 1024,
  waitingMax: 8192,
  unsentMaxBytes: 16 * 1024 * 1024,
  pushedMaxBytes: 64 * 1024 * 1024,
  // A ping finds its place between two heartbeats of a session (10 s), so that an idle one costs little; and a client
  // that finds its connection dead has time to make another before its session ends (30 s).
  silenceMs: 20_000,
  connectTimeoutMs: 10_000,
};

/** What a server takes beyond `callsMax` and `callBytesMax`, for calls that the client may not keep in line. */
export const urgentCallsMax = 256;
export const urgentBytesMax = 16 * 1024 * 1024;
