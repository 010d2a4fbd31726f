/** How an API server is reached: its address, the connections to it, and who we say we are. */
import { type ConnectionSettings, type Connections, cutConnections, isIdle, retireConnections } from "./transport.ts";

export interface Access {
  /** `https://10.96.0.1:443`. */
  readonly origin: string;
  /** What stands before `/api`: "" but for servers behind a path. */
  readonly pathPrefix: string;
  /** Connections and headers for a request made now. */
  current(): Promise<{ connections: Connections; headers: Readonly<Record<string, string>> }>;
  /** The server did not know us by these headers: reads the credentials again. True where there are others, worth a second try. */
  refresh(refused: Readonly<Record<string, string>>): Promise<boolean>;
  /** Cuts every connection. */
  close(): void;
}

/** What is read again and again: who we are, and whom we trust. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly settings: ConnectionSettings;
  /** Two credentials with the same text are the same; `trust` is the part that connections are made with. */
  readonly identity: string;
  readonly trust: string;
}

export interface RotatingAccessOptions {
  origin: string;
  pathPrefix: string;
  read(): Promise<Credentials>;
  open(settings: ConnectionSettings): Connections;
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
  let connections = options.open(credentials.settings);
  let retired: Connections[] = [];
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
      retireConnections(connections);
      retired = [...retired.filter((one) => !isIdle(one)), connections];
      connections = options.open(next.settings);
    }
    if (changed) credentials = next;
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
    // Another may have been refused before, and read them.
    refresh: async (refused) => credentials.headers !== refused || refresh(),
    close() {
      for (const one of [connections, ...retired]) cutConnections(one);
    },
  };
}
