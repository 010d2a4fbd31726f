/** How an API server is reached: its address, the connections to it, and who we say we are. */
import { createRequire } from "node:module";
import type { Dispatcher, Pool as PoolClass, buildConnector } from "undici";

// Only the parts that are used: the whole of undici costs 13 MB more, in every sensor.
const Pool = createRequire(import.meta.url)("undici/lib/dispatcher/pool.js") as typeof PoolClass;

/** Requests in flight; a controller has a handful of workers. */
const REQUEST_CONNECTIONS = 8;
/** A watch holds its connection for minutes: they have a pool of their own, so that they never starve requests. */
const WATCH_CONNECTIONS = 128;
const CONNECT_TIMEOUT_MS = 10_000;
/** A dead peer is noticed by the kernel, also while nothing is sent. */
const TCP_KEEP_ALIVE_MS = 30_000;
/** API servers and what stands before them close idle connections after minutes; ours go first, so that no request meets a closing one. */
const IDLE_CONNECTION_MS = 45_000;

export type TlsSettings = buildConnector.BuildOptions;

/** Two sets of connections to one server. */
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
  current(): Promise<{ connections: Connections; headers: Readonly<Record<string, string>> }>;
  /** The server did not know us: reads the credentials again. True where they are others now, and worth a second try. */
  refresh(): Promise<boolean>;
  /** Cuts every connection. */
  close(): Promise<void>;
}

/** What is read again and again: who we are, and whom we trust. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsSettings;
  /** Two credentials with the same text are the same; `trust` is the part that connections are made with. */
  readonly identity: string;
  readonly trust: string;
}

export interface RotatingAccessOptions {
  origin: string;
  pathPrefix: string;
  read(): Promise<Credentials>;
  open(tls: TlsSettings): Connections;
  /** Credentials older than this are read again before they are used. */
  rereadMs: number;
  monotonicMs(): number;
  /** Reading failed, and what was read before goes on being used. */
  onReadError(error: Error): void;
}

/** An access whose credentials change while it is used. Rejects where they cannot be read at the start. */
export async function openRotatingAccess(options: RotatingAccessOptions): Promise<Access> {
  const { origin, pathPrefix, monotonicMs } = options;
  let credentials = await options.read();
  let readAtMs = monotonicMs();
  let connections = options.open(credentials.tls);
  const retired = new Set<Connections>();
  let reading: Promise<boolean> | undefined;

  async function reread(): Promise<boolean> {
    readAtMs = monotonicMs();
    let next: Credentials;
    try {
      next = await options.read();
    } catch (error) {
      options.onReadError(error as Error);
      return false;
    }
    const changed = next.identity !== credentials.identity || next.trust !== credentials.trust;
    if (next.trust !== credentials.trust) {
      const old = connections;
      retired.add(old);
      retire(old, () => retired.delete(old));
      connections = options.open(next.tls);
    }
    credentials = next;
    return changed;
  }

  /** One reading at a time, shared by all who wait for it. */
  function refresh(): Promise<boolean> {
    reading ??= reread().finally(() => (reading = undefined));
    return reading;
  }

  return {
    origin,
    pathPrefix,
    async current() {
      if (monotonicMs() - readAtMs >= options.rereadMs) await refresh();
      return { connections, headers: credentials.headers };
    },
    refresh,
    async close() {
      await Promise.all([connections, ...retired].map(({ requests, watches }) => Promise.all([requests.destroy(), watches.destroy()])));
    },
  };
}

export function openConnections(origin: string, tls: TlsSettings): Connections {
  const shared = {
    // HTTP/1.1, a connection a watch: one that is lost takes no other watch with it.
    allowH2: false,
    pipelining: 1,
    keepAliveTimeout: IDLE_CONNECTION_MS,
    keepAliveMaxTimeout: IDLE_CONNECTION_MS,
    connect: { timeout: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS, ...tls },
  };
  return {
    requests: new Pool(origin, { ...shared, connections: REQUEST_CONNECTIONS }),
    watches: new Pool(origin, { ...shared, connections: WATCH_CONNECTIONS }),
  };
}

/** What runs comes to its end, nothing new begins. */
function retire({ requests, watches }: Connections, onEnd: () => void): void {
  void Promise.allSettled([requests.close(), watches.close()]).then(onEnd);
}
