/** What a server tells about itself: `GET /status` of its admin socket. */
export interface ServerStatus {
  pid: number;
  version: string;
  uptimeSeconds: number;
  store: string;
  listen: string[];
  tls: boolean;
  draining: boolean;
  volumes: string[];
  sessions: number;
}

/** A client's session: an element of `cfs admin sessions --json`. */
export interface SessionStatus {
  session: number;
  volume: string;
  /** What the client calls itself: its host and where it mounts. */
  name: string;
  /** The name in its certificate; null without TLS. */
  identity: string | null;
  /** Where its newest connection comes from; null while it has none. */
  address: string | null;
  cacheMode: string;
  readOnly: boolean;
  createdAt: string;
  /** How long nothing was heard of it. */
  silentSeconds: number;
  leases: number;
  locks: number;
  opens: number;
}

/** What a server does for its administrator. */
export interface ServerControl {
  status(): ServerStatus;
  sessions(): SessionStatus[];
  /** Ends a session. Fails with `notFound`, and with `invalid` when several volumes have one of that number. */
  evict(session: number, volume: string | undefined): Promise<void>;
  createVolume(name: string): Promise<void>;
  removeVolume(name: string): Promise<void>;
}
