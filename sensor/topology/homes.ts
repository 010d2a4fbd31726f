/**
 * Homes of addresses and kinds of interfaces, written by the main thread and read by Workers on every packet.
 *
 * The memory holds the whole picture twice. The writer fills the half that is not in use and then makes it the one in
 * use by raising the sequence number; a reader that finds another number after it has looked than before looks again.
 * So a reader never waits, and never sees half a picture.
 */
import { HOME_LIMIT, INTERFACE_LIMIT } from "./limits.ts";
import { InterfaceKind } from "./kind.ts";
import type { NetworkInterface } from "./interfaces.ts";
import type { Placement } from "./placement.ts";

/** Twice the limit, so that a search is short: powers of two. */
const ADDRESS_SLOTS = 2 * HOME_LIMIT;
const INTERFACE_SLOTS = 2 * INTERFACE_LIMIT;
/** Four address words, the home, the marks (never 0: that is an empty slot). */
const ADDRESS_WORDS = 6;
/** Index, kind; index 0 is an empty slot. */
const INTERFACE_WORDS = 2;
const HALF_WORDS = ADDRESS_SLOTS * ADDRESS_WORDS + INTERFACE_SLOTS * INTERFACE_WORDS;
/** Word 0 is the sequence number; the halves begin on a cache line of their own. */
const HEADER_WORDS = 16;
/** A writer that publishes faster than a reader looks: the reader gives up and says "unknown". */
const ATTEMPTS = 16;

/** As in the ring: on x86-64 loads stay in order, and an atomic one is a call of 10 ns, four for each copy of a packet. */
const PLAIN_IS_ORDERED = process.arch === "x64";

const Mark = { Present: 1, Local: 2, Gateway: 4 } as const;

export function createHomes(): SharedArrayBuffer {
  return new SharedArrayBuffer((HEADER_WORDS + 2 * HALF_WORDS) * 4);
}

function hashAddress(word0: number, word1: number, word2: number, word3: number): number {
  let hash = Math.imul(word3 ^ Math.imul(word2 ^ Math.imul(word1 ^ Math.imul(word0, 0x9e3779b1), 0x85ebca6b), 0xc2b2ae35), 0x27d4eb2f);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) & (ADDRESS_SLOTS - 1);
}

function hashInterface(index: number): number {
  return (Math.imul(index, 0x9e3779b1) >>> 17) & (INTERFACE_SLOTS - 1);
}

/** The main thread's hand on the table. One writer only. */
export class HomesWriter {
  readonly #words: Int32Array;
  /** Of each half the words that say "not empty": clearing these alone leaves most of its pages untouched. */
  readonly #marks: readonly [number[], number[]] = [[], []];

  /** @param buffer as createHomes() gave it */
  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  /** Puts a whole new picture in place of the old; each address at most once. */
  publish(interfaces: readonly NetworkInterface[], placements: readonly Placement[]): void {
    const words = this.#words;
    const sequence = Atomics.load(words, 0);
    const half = HEADER_WORDS + ((sequence + 1) & 1) * HALF_WORDS;
    const marks = this.#marks[((sequence + 1) & 1) as 0 | 1];
    for (const at of marks) words[at] = 0;
    marks.length = 0;
    for (const { words: address, home, local, gateway } of placements) {
      let slot = hashAddress(address[0]!, address[1]!, address[2]!, address[3]!);
      while (words[half + slot * ADDRESS_WORDS + 5] !== 0) slot = (slot + 1) & (ADDRESS_SLOTS - 1);
      const at = half + slot * ADDRESS_WORDS;
      words.set(address, at);
      words[at + 4] = home;
      words[at + 5] = Mark.Present | (local ? Mark.Local : 0) | (gateway ? Mark.Gateway : 0);
      marks.push(at + 5);
    }
    const kinds = half + ADDRESS_SLOTS * ADDRESS_WORDS;
    for (const { index, kind } of interfaces) {
      let slot = hashInterface(index);
      while (words[kinds + slot * INTERFACE_WORDS] !== 0) slot = (slot + 1) & (INTERFACE_SLOTS - 1);
      words[kinds + slot * INTERFACE_WORDS] = index;
      marks.push(kinds + slot * INTERFACE_WORDS);
      words[kinds + slot * INTERFACE_WORDS + 1] = InterfaceKind[kind];
    }
    Atomics.store(words, 0, (sequence + 1) | 0);
  }
}

/** Any thread's view. Allocates nothing after its construction. */
export class HomesReader {
  readonly #words: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  /** Index of the interface behind which the address (four words, IPv4 mapped) lives, 0 where unknown. */
  homeOf(word0: number, word1: number, word2: number, word3: number): number {
    return this.#find(word0, word1, word2, word3, 4);
  }

  /** True for an address of this machine. */
  isLocal(word0: number, word1: number, word2: number, word3: number): boolean {
    return (this.#find(word0, word1, word2, word3, 5) & Mark.Local) !== 0;
  }

  /** True where several parties stand behind the address: this machine's own, a next hop, a tunnel's far end. */
  isShared(word0: number, word1: number, word2: number, word3: number): boolean {
    return (this.#find(word0, word1, word2, word3, 5) & (Mark.Local | Mark.Gateway)) !== 0;
  }

  /** InterfaceKind; Unknown for an interface that is not there. */
  kindOf(interfaceIndex: number): number {
    const words = this.#words;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const sequence = sequenceOf(words);
      const half = HEADER_WORDS + (sequence & 1) * HALF_WORDS + ADDRESS_SLOTS * ADDRESS_WORDS;
      let slot = hashInterface(interfaceIndex);
      let kind: number = InterfaceKind.Unknown;
      for (let probes = 0; probes < INTERFACE_SLOTS; probes++) {
        const found = words[half + slot * INTERFACE_WORDS];
        if (found === interfaceIndex) kind = words[half + slot * INTERFACE_WORDS + 1]!;
        if (found === interfaceIndex || found === 0) break;
        slot = (slot + 1) & (INTERFACE_SLOTS - 1);
      }
      if (sequenceOf(words) === sequence) return kind;
    }
    return InterfaceKind.Unknown;
  }

  /** The word `field` of the address's entry, 0 where there is none. */
  #find(word0: number, word1: number, word2: number, word3: number, field: number): number {
    const words = this.#words;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const sequence = sequenceOf(words);
      const half = HEADER_WORDS + (sequence & 1) * HALF_WORDS;
      let slot = hashAddress(word0, word1, word2, word3);
      let value = 0;
      for (let probes = 0; probes < ADDRESS_SLOTS; probes++) {
        const at = half + slot * ADDRESS_WORDS;
        if (words[at + 5] === 0) break;
        if (words[at] === word0 && words[at + 1] === word1 && words[at + 2] === word2 && words[at + 3] === word3) {
          value = words[at + field]!;
          break;
        }
        slot = (slot + 1) & (ADDRESS_SLOTS - 1);
      }
      if (sequenceOf(words) === sequence) return value;
    }
    return 0;
  }
}

function sequenceOf(words: Int32Array): number {
  return PLAIN_IS_ORDERED ? words[0]! : Atomics.load(words, 0);
}
