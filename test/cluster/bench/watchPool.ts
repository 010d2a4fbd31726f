/**
 * Real watches of thousands of sensors over a few connections: HTTP/2 carries a hundred streams each, and every stream
 * shows its own sensor's token. To the API server each is a watch of its own, encoded, filtered and sent for itself.
 */
import { connect } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";

/** What a Kubernetes API server allows a connection. */
const STREAMS = 100;
/** Bytes that may be on their way in a connection; 64 KiB, as is usual, would make its watches wait for each other. */
const WINDOW_BYTES = 8 << 20;
/** Lines that were parsed are kept: all watches of a kind get the same bytes. */
const KNOWN_LINES = 2_000;
const LONGEST_OPENING_MS = 60_000;
/** A Reflector's first wait. */
const REOPEN_MS = 800;
const LONGEST_REOPEN_MS = 30_000;

export interface WatchedObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid: string; readonly resourceVersion: string; readonly generation?: number };
  readonly spec?: any;
  readonly status?: any;
}

export interface WatchedEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: WatchedObject;
}

export interface WatchPoolFigures {
  watches: number;
  connections: number;
  /** Bookmarks left out. */
  deliveries: number;
  bytes: number;
  /** Watches that ended before they were closed here, and were opened again. */
  lost: number;
}

interface Place {
  readonly session: ClientHttp2Session;
  streams: number;
}

export class WatchPool {
  readonly figures: WatchPoolFigures = { watches: 0, connections: 0, deliveries: 0, bytes: 0, lost: 0 };
  readonly #url: string;
  readonly #ca: string;
  readonly #sessions: Place[] = [];
  readonly #known = new Map<string, WatchedEvent>();
  #isClosed = false;

  constructor({ url, caPem }: { readonly url: string; readonly caPem: string }) {
    this.#url = url;
    this.#ca = caPem;
  }

  /**
   * Resolves when the API server has accepted it. One that ends is opened again, as a sensor does.
   * @param path with its query, but for the version. @param version after which it tells.
   */
  async open(path: string, version: string, token: string, onEvent: (event: WatchedEvent) => void): Promise<void> {
    let newest = version;
    const note = (event: WatchedEvent): void => {
      if (event.type === "ERROR") newest = "0";
      else newest = event.object.metadata.resourceVersion;
      onEvent(event);
    };
    const again = (): void => {
      this.figures.watches--;
      this.figures.lost++;
      reopen(REOPEN_MS);
    };
    const reopen = (waitMs: number): void => {
      setTimeout(() => {
        if (this.#isClosed) return;
        this.#openOnce(`${path}&resourceVersion=${newest}`, token, note, again).catch(() => reopen(Math.min(LONGEST_REOPEN_MS, waitMs * 2)));
      }, waitMs * (0.5 + Math.random())).unref();
    };
    await this.#openOnce(`${path}&resourceVersion=${newest}`, token, note, again);
  }

  #openOnce(path: string, token: string, onEvent: (event: WatchedEvent) => void, onEnd: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const place = this.#freeSession();
      let isOpen = false;
      const stream = place.session.request({ ":path": path, authorization: `Bearer ${token}`, accept: "application/json", "user-agent": "flowreset-sensor" });
      const timer = setTimeout(() => stream.destroy(new Error(`Waited for the watch ${path}: no answer after ${LONGEST_OPENING_MS} ms`)), LONGEST_OPENING_MS);
      stream.once("response", ({ ":status": status }) => {
        clearTimeout(timer);
        if (status !== 200) return stream.destroy(new Error(`Cannot watch ${path}: ${status}`));
        this.figures.watches++;
        isOpen = true;
        this.#read(stream, onEvent);
        resolve();
      });
      stream.once("error", reject);
      stream.once("close", () => {
        clearTimeout(timer);
        place.streams--;
        reject(new Error(`Cannot watch ${path}: it ended`));
        if (isOpen && !this.#isClosed) onEnd();
      });
    });
  }

  #read(stream: ClientHttp2Stream, onEvent: (event: WatchedEvent) => void): void {
    let rest = "";
    stream.setEncoding("latin1");
    stream.on("data", (text: string) => {
      this.figures.bytes += text.length;
      let start = 0;
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
        const event = this.#parse(rest + text.slice(start, end));
        rest = "";
        start = end + 1;
        if (event.type !== "BOOKMARK") this.figures.deliveries++;
        onEvent(event);
      }
      rest += text.slice(start);
    });
  }

  #parse(line: string): WatchedEvent {
    let event = this.#known.get(line);
    if (event === undefined) {
      event = JSON.parse(line) as WatchedEvent;
      if (this.#known.size >= KNOWN_LINES) this.#known.delete(this.#known.keys().next().value!);
      this.#known.set(line, event);
    }
    return event;
  }

  #freeSession(): Place {
    let free = this.#sessions.find(({ streams, session }) => streams < STREAMS && !session.closed && !session.destroyed);
    if (free === undefined) {
      const session = connect(this.#url, { ca: this.#ca, settings: { initialWindowSize: WINDOW_BYTES } });
      session.once("connect", () => session.setLocalWindowSize(WINDOW_BYTES));
      // Its streams tell.
      session.on("error", () => {});
      free = { session, streams: 0 };
      this.#sessions.push(free);
      this.figures.connections++;
    }
    free.streams++;
    return free;
  }

  close(): void {
    this.#isClosed = true;
    for (const { session } of this.#sessions) session.destroy();
  }
}
