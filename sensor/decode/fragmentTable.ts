/**
 * Unfinished datagrams by what makes their fragments belong together. Linux's keys (RFC 791, RFC 8200 section 4.5), and
 * the place where they were seen: the same fragment at the pod's interface and at the bridge is two datagrams to us.
 *
 * Invariant: entries in use form one list from the oldest to the youngest; each is in exactly one bucket.
 */
import type { Cursor } from "./cursor.ts";
import { type Packet, PacketDirection } from "./packet.ts";

export const MAX_DATAGRAMS = 1024;

const BUCKETS = 2048;
const KEY_WORDS = 13;
const NONE = -1;

export class FragmentTable {
  count = 0;
  /** Oldest entry, -1 for none. */
  oldest = NONE;

  readonly #keys = new Int32Array(MAX_DATAGRAMS * KEY_WORDS);
  readonly #buckets = new Int32Array(BUCKETS).fill(NONE);
  readonly #bucketOf = new Int32Array(MAX_DATAGRAMS);
  readonly #chain = new Int32Array(MAX_DATAGRAMS);
  readonly #younger = new Int32Array(MAX_DATAGRAMS);
  readonly #older = new Int32Array(MAX_DATAGRAMS);
  readonly #key = new Int32Array(KEY_WORDS);
  readonly #seed: number;
  #youngest = NONE;
  #free = 0;

  /** `seed` keeps a sender from choosing the bucket. */
  constructor(seed: number) {
    this.#seed = seed | 0;
    for (let entry = 0; entry < MAX_DATAGRAMS; entry++) this.#chain[entry] = entry + 1;
    this.#chain[MAX_DATAGRAMS - 1] = NONE;
  }

  /** The entry of the fragment at the cursor, -1 where there is none. */
  find(packet: Packet, cursor: Cursor): number {
    const bucket = this.#load(packet, cursor);
    let entry = this.#buckets[bucket]!;
    while (entry !== NONE && !this.#matches(entry)) entry = this.#chain[entry]!;
    return entry;
  }

  /** A new entry for the fragment that `find` did not know, -1 where the table is full. */
  create(packet: Packet, cursor: Cursor): number {
    const entry = this.#free;
    if (entry === NONE) return NONE;
    this.#free = this.#chain[entry]!;
    const bucket = this.#load(packet, cursor);
    const base = entry * KEY_WORDS;
    for (let word = 0; word < KEY_WORDS; word++) this.#keys[base + word] = this.#key[word]!;
    this.#bucketOf[entry] = bucket;
    this.#chain[entry] = this.#buckets[bucket]!;
    this.#buckets[bucket] = entry;
    this.#older[entry] = this.#youngest;
    this.#younger[entry] = NONE;
    if (this.#youngest === NONE) this.oldest = entry;
    else this.#younger[this.#youngest] = entry;
    this.#youngest = entry;
    this.count++;
    return entry;
  }

  remove(entry: number): void {
    const bucket = this.#bucketOf[entry]!;
    if (this.#buckets[bucket] === entry) {
      this.#buckets[bucket] = this.#chain[entry]!;
    } else {
      let before = this.#buckets[bucket]!;
      while (this.#chain[before] !== entry) before = this.#chain[before]!;
      this.#chain[before] = this.#chain[entry]!;
    }
    const older = this.#older[entry]!;
    const younger = this.#younger[entry]!;
    if (older === NONE) this.oldest = younger;
    else this.#younger[older] = younger;
    if (younger === NONE) this.#youngest = older;
    else this.#older[younger] = older;
    this.#chain[entry] = this.#free;
    this.#free = entry;
    this.count--;
  }

  /** The next younger entry, -1 for none. */
  younger(entry: number): number {
    return this.#younger[entry]!;
  }

  #matches(entry: number): boolean {
    const base = entry * KEY_WORDS;
    for (let word = 0; word < KEY_WORDS; word++) {
      if (this.#keys[base + word] !== this.#key[word]) return false;
    }
    return true;
  }

  /** Puts the key into `#key`; returns its bucket. */
  #load(packet: Packet, cursor: Cursor): number {
    const key = this.#key;
    key[0] = packet.source0;
    key[1] = packet.source1;
    key[2] = packet.source2;
    key[3] = packet.source3;
    key[4] = packet.destination0;
    key[5] = packet.destination1;
    key[6] = packet.destination2;
    key[7] = packet.destination3;
    key[8] = cursor.fragmentId;
    // IPv6 fragments belong together whatever protocol they name: that of the first counts.
    key[9] = packet.ipVersion === 4 ? cursor.next : 256;
    key[10] = (packet.interfaceIndex << 1) | (packet.direction === PacketDirection.Outgoing ? 1 : 0);
    key[11] = (packet.vlanTci << 16) ^ packet.innerVlanTci;
    key[12] = packet.tunnelId | 0;
    let hash = this.#seed;
    for (let word = 0; word < KEY_WORDS; word++) {
      hash = Math.imul(hash ^ key[word]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & (BUCKETS - 1);
  }
}
