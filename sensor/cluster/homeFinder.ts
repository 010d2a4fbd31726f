/**
 * Makes the kernel find out where a pod's address lives. Of a pod that talks only to pods beside it, through a bridge,
 * the node's own tables know nothing: it never had a packet for it. An empty datagram to the discard port has it asked
 * for its hardware address, which names its interface; the pod answers, if at all, that nobody listens there.
 */
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { isIPv6 } from "node:net";

const DISCARD_PORT = 9;
const FIRST_REST_MS = 250;
const LONGEST_REST_MS = 60_000;
/** Datagrams in one go; the others wait for the next. */
const MAX_ASKED = 64;

interface Asked {
  restMs: number;
  nextMs: number;
}

export interface HomeFinderOptions {
  readonly nowMs: () => number;
  /** For tests; the machine's own sockets unless told. */
  readonly send?: (address: string) => void;
}

export class HomeFinder {
  readonly #options: HomeFinderOptions;
  readonly #sockets = new Map<"udp4" | "udp6", Socket>();
  #asked = new Map<string, Asked>();

  constructor(options: HomeFinderOptions) {
    this.#options = options;
  }

  /** Asks for those whose turn it is, each ever more seldom. @param addresses all whose home is not known */
  ask(addresses: readonly string[]): void {
    const nowMs = this.#options.nowMs();
    const before = this.#asked;
    this.#asked = new Map();
    let left = MAX_ASKED;
    for (const address of addresses) {
      const asked = before.get(address) ?? { restMs: FIRST_REST_MS, nextMs: nowMs };
      this.#asked.set(address, asked);
      if (nowMs < asked.nextMs || left-- <= 0) continue;
      this.#send(address);
      asked.nextMs = nowMs + asked.restMs;
      asked.restMs = Math.min(asked.restMs * 2, LONGEST_REST_MS);
    }
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #send(address: string): void {
    const { send } = this.#options;
    if (send !== undefined) return send(address);
    this.#socket(isIPv6(address) ? "udp6" : "udp4").send(Buffer.alloc(0), DISCARD_PORT, address, () => {}); // No way there: asked again.
  }

  #socket(type: "udp4" | "udp6"): Socket {
    let socket = this.#sockets.get(type);
    if (socket === undefined) {
      socket = createSocket(type).unref();
      socket.on("error", () => {});
      this.#sockets.set(type, socket);
    }
    return socket;
  }
}
