/** The two netlink sockets: one that asks for everything, one that hears every change. */
import type { Native } from "../native/mod.ts";
import { ADDRESS_HEADER_BYTES, parseLocalAddress, TARGET_NAMESPACE } from "./address.ts";
import type { LocalAddress } from "./address.ts";
import { LINK_HEADER_BYTES } from "./link.ts";
import { AddressFamily, dumpRequest, dumpRequestWith, EVENT_GROUPS, LITTLE_ENDIAN, MessageFlag, MessageType, readAttributes, readMessages, readU32 } from "./netlink.ts";
import type { NetlinkMessage } from "./netlink.ts";
import { NEIGHBOUR_HEADER_BYTES } from "./neighbour.ts";
import { NetworkState } from "./networkState.ts";
import { ROUTE_HEADER_BYTES } from "./route.ts";

/** The kernel's largest datagram of a dump is 32 KiB; an event has one message. */
const DATAGRAM_BYTES = 128 * 1024;
/** The kernel answers at once; silence for so long is a fault. */
const ANSWER_TIMEOUT_MS = 2_000;
/** A dump during which things changed is begun again so often. */
const DUMP_ATTEMPTS = 10;
/** Datagrams that are taken in one go, so that a flood of events does not hold up the main thread. */
const BATCH_DATAGRAMS = 2_048;
const ERRNO_NO_BUFFER = 105;
/** EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT, EINVAL: a family that this kernel was built without; there is nothing of it. */
const UNSUPPORTED: readonly number[] = [95, 97, 93, 22];

/** Order matters: what refers to an interface comes after it. */
const DUMPS: readonly (readonly [type: number, family: number, bodyBytes: number])[] = [
  [MessageType.GetLink, 0, LINK_HEADER_BYTES],
  [MessageType.GetAddress, 0, ADDRESS_HEADER_BYTES],
  [MessageType.GetRoute, AddressFamily.Ipv4, ROUTE_HEADER_BYTES],
  [MessageType.GetRoute, AddressFamily.Ipv6, ROUTE_HEADER_BYTES],
  [MessageType.GetNeighbour, 0, NEIGHBOUR_HEADER_BYTES],
  [MessageType.GetNeighbour, AddressFamily.Bridge, NEIGHBOUR_HEADER_BYTES],
];

export class NetlinkSession {
  readonly #native: Native;
  readonly #bytes = new Uint8Array(DATAGRAM_BYTES);
  readonly #events: number;
  readonly #questions: number;
  #sequence = 0;
  #open = true;
  /** Datagrams with a length that did not fit. */
  malformed = 0;

  /** Opens both; no right is needed. @throws Error with `errno`. */
  constructor(native: Native) {
    this.#native = native;
    this.#events = native.netlinkOpen(EVENT_GROUPS, 0);
    this.#questions = native.netlinkOpen(0, 0);
  }

  /** All that the kernel knows now. Changes that happen meanwhile wait as events. @throws where it does not answer. */
  dump(): NetworkState {
    for (let attempt = 1; ; attempt++) {
      const state = new NetworkState();
      const visit = (message: NetlinkMessage): void => void state.apply(message);
      const consistent = DUMPS.every(([type, family, bodyBytes]) => {
        const { interrupted, errno } = this.#ask(dumpRequest(type, family, bodyBytes, ++this.#sequence), visit);
        if (errno !== 0 && !UNSUPPORTED.includes(errno)) throw new Error(`Cannot list the interfaces: errno ${errno}`);
        return !interrupted;
      });
      // The last attempt counts as it is: its events set right what it missed.
      if (consistent || attempt === DUMP_ATTEMPTS) return state;
    }
  }

  /**
   * The addresses in another network namespace, named by our number of it. Undefined where we may not ask: it takes
   * CAP_NET_ADMIN over that namespace, and Linux 4.20.
   */
  addressesOf(namespace: number): LocalAddress[] | undefined {
    const addresses: LocalAddress[] = [];
    const request = dumpRequestWith(MessageType.GetAddress, ADDRESS_HEADER_BYTES, ++this.#sequence, TARGET_NAMESPACE, namespace);
    const { errno } = this.#ask(request, (message) => {
      // A kernel that knows nothing of the question answers with our own addresses.
      const isOfIt = readU32(readAttributes(message.body, ADDRESS_HEADER_BYTES)?.get(TARGET_NAMESPACE), -1) === namespace;
      const address = isOfIt ? parseLocalAddress(message.body) : undefined;
      if (address !== undefined) addresses.push(address);
    });
    return errno === 0 ? addresses : undefined;
  }

  /** Sends a request and hands over its answers; `errno` 0 where it was answered to the end. @throws on silence. */
  #ask(request: Uint8Array, visit: (message: NetlinkMessage) => void): { interrupted: boolean; errno: number } {
    const sequence = this.#sequence;
    const sent = this.#native.netlinkSend(this.#questions, request);
    if (sent < 0) throw new Error(`Cannot ask the kernel for its interfaces: errno ${-sent}`);
    let interrupted = false;
    for (;;) {
      const length = this.#native.netlinkReceive(this.#questions, this.#bytes, ANSWER_TIMEOUT_MS);
      if (length <= 0) throw new Error(`Cannot list the interfaces: ${length === 0 ? "the kernel does not answer" : `errno ${-length}`}`);
      const { messages, malformed } = readMessages(this.#bytes, length);
      if (malformed) this.malformed++;
      for (const message of messages) {
        if (message.sequence !== sequence) continue;
        if ((message.flags & MessageFlag.DumpInterrupted) !== 0) interrupted = true;
        if (message.type === MessageType.Done) return { interrupted, errno: errnoOf(message) };
        if (message.type === MessageType.Error) return { interrupted, errno: errnoOf(message) };
        visit(message);
      }
    }
  }

  /** Hands over the changes that wait, without blocking. "lost": some were dropped, `dump()` again. */
  drain(visit: (message: NetlinkMessage) => void): "drained" | "more" | "lost" {
    for (let datagrams = 0; datagrams < BATCH_DATAGRAMS; datagrams++) {
      const length = this.#native.netlinkReceive(this.#events, this.#bytes, 0);
      if (length === 0) return "drained";
      if (length === -ERRNO_NO_BUFFER) return "lost";
      if (length < 0) throw new Error(`Cannot hear of changes of interfaces: errno ${-length}`);
      const { messages, malformed } = readMessages(this.#bytes, length);
      if (malformed) this.malformed++;
      for (const message of messages) visit(message);
    }
    return "more";
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#native.closeFd(this.#events);
    this.#native.closeFd(this.#questions);
  }
}

/** Of an answer's end: the first word is 0 or a negated errno. */
function errnoOf(message: NetlinkMessage): number {
  return message.body.length < 4 ? 0 : Math.max(0, -message.body.view.getInt32(message.body.offset, LITTLE_ENDIAN));
}
