/**
 * The addresses inside the pods' own namespaces, where we may ask (CAP_NET_ADMIN): no neighbour table tells as well,
 * because a pod can neither forge it from outside nor must it have spoken first. Nobody announces changes there, so it
 * is asked again, soon after an interface has appeared and then ever more seldom.
 */
import type { LocalAddress } from "./address.ts";
import type { Link } from "./link.ts";

const FIRST_PAUSE_MS = 40;
const LAST_PAUSE_MS = 30_000;
/**
 * So long one that has no address yet is asked at the first pause: plugins give it some time after the interface, and
 * a connection that begins before its client's home is known is believed at the server's interface only.
 */
const EAGER_MS = 5_000;
/** Namespaces asked in one round, the longest waiting first. */
const ROUND_LIMIT = 64;

/** An address that a pod has on the far half of its interface. */
export interface Claim {
  readonly words: Int32Array;
  /** Our half. */
  readonly interfaceIndex: number;
}

interface Known {
  readonly link: Link;
  claims: readonly Claim[];
  readonly sinceMs: number;
  askMs: number;
  pauseMs: number;
}

export class NamespaceAddresses {
  readonly #ask: (namespace: number) => LocalAddress[] | undefined;
  readonly #known = new Map<number, Known>();

  /** `ask` gives undefined where the namespace is gone or the right is missing. */
  constructor(ask: (namespace: number) => LocalAddress[] | undefined) {
    this.#ask = ask;
  }

  get claims(): Claim[] {
    return [...this.#known.values()].flatMap(({ claims }) => claims);
  }

  /** Takes the pods' interfaces of now; asks those whose time has come. True where a claim came or went. */
  follow(pods: readonly Link[], nowMs: number): boolean {
    let changed = false;
    const present = new Map(pods.filter(({ peerNamespace }) => peerNamespace >= 0).map((link) => [link.index, link]));
    for (const [index, { claims }] of this.#known) {
      if (present.has(index)) continue;
      this.#known.delete(index);
      changed ||= claims.length > 0;
    }
    for (const link of present.values()) this.#take(link, nowMs);
    const due = [...this.#known.values()].filter(({ askMs }) => askMs <= nowMs).sort((a, b) => a.askMs - b.askMs);
    for (const known of due.slice(0, ROUND_LIMIT)) changed = this.#askOne(known, nowMs) || changed;
    return changed;
  }

  /** One that has changed is asked as soon as a new one. */
  #take(link: Link, nowMs: number): void {
    const known = this.#known.get(link.index);
    if (known !== undefined && known.link.peerNamespace === link.peerNamespace && known.link.peer === link.peer && known.link.up === link.up) return;
    this.#known.set(link.index, { link, claims: known?.claims ?? [], sinceMs: nowMs, askMs: nowMs, pauseMs: FIRST_PAUSE_MS });
  }

  #askOne(known: Known, nowMs: number): boolean {
    const { link } = known;
    const addresses = this.#ask(link.peerNamespace);
    known.askMs = nowMs + (addresses === undefined ? LAST_PAUSE_MS : known.pauseMs);
    const before = textOf(known.claims);
    const own = (addresses ?? []).filter(({ interfaceIndex }) => interfaceIndex === link.peer);
    // Its link-local address comes with the interface.
    const hasNone = own.every(({ words }) => words[0]! >>> 22 === 0xfe80 >>> 6);
    if (!hasNone || nowMs - known.sinceMs >= EAGER_MS) known.pauseMs = Math.min(LAST_PAUSE_MS, known.pauseMs * 2);
    known.claims = own.map(({ words }) => ({ words, interfaceIndex: link.index }));
    return textOf(known.claims) !== before;
  }
}

function textOf(claims: readonly Claim[]): string {
  return claims.map(({ words }) => words.join()).sort().join(" ");
}
