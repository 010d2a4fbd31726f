/** How an API server is reached: its address, the connections to it, and who we say we are. */
import { createRequire } from "node:module";
import type { Dispatcher, Pool as PoolClass, buildConnector } from "undici";

// Only the parts that are used: the whole of undici costs 13 MB more, in every sensor.
const require = createRequire(import.meta.url);
const Pool = require("undici/lib/dispatcher/pool.js") as typeof PoolClass;

/** Requests in flight; a controller has a handful of workers. */
const REQUEST_CONNECTIONS = 8;
/** A watch holds its connection for minutes: they have a pool of their own, so that they never starve requests. */
const WATCH_CONNECTIONS = 128;
const CONNECT_TIMEOUT_MS = 10_000;
/** A dead peer is noticed by the kernel, also while nothing is sent. */
const TCP_KEEP_ALIVE_MS = 30_000;
/** API servers close idle connections after minutes; ours go first, so that no request meets a closing one. */
const IDLE_CONNECTION_MS = 45_000;

export type TlsSettings = buildConnector.BuildOptions;

export interface Connections {
  readonly requests: Dispatcher;
  readonly watches: Dispatcher;
}

export interface Access {
  /** `https://10.96.0.1:443`. */
  readonly origin: string;
  /** What stands before `/api`: "" but for servers behind a path. */
  readonly pathPrefix: string;
  /** Connections and headers for a request made now. */
  current(): Promise<{ connections: Connections; headers: Record<string, string> }>;
  /** The server did not know us: reads the credentials again. True where they are others now, and worth a second try. */
  refresh(): Promise<boolean>;
  /** Cuts every connection. */
  close(): Promise<void>;
}

export function openConnections(origin: string, tls: TlsSettings): Connections {
  const shared = {
    // HTTP/1.1: one connection a watch; a lost one then takes a single watch with it.
    allowH2: false,
    pipelining: 1,
    keepAliveTimeout: IDLE_CONNECTION_MS,
    keepAliveMaxTimeout: IDLE_CONNECTION_MS,
    // The caller times whole calls, and watches have their watchdog.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS, ...tls },
  };
  return {
    requests: new Pool(origin, { ...shared, connections: REQUEST_CONNECTIONS }),
    watches: new Pool(origin, { ...shared, connections: WATCH_CONNECTIONS }),
  };
}

/** Lets what runs come to its end, takes nothing new. */
export function retireConnections({ requests, watches }: Connections): void {
  requests.close().catch(() => {});
  watches.close().catch(() => {});
}

export async function cutConnections({ requests, watches }: Connections): Promise<void> {
  await Promise.all([requests.destroy(), watches.destroy()]);
}
