/**
 * A bounded queue of byte records from one Worker to the main thread, on a SharedArrayBuffer. One writer, one
 * reader, no lock: each side owns one index and only reads the other's. A record that finds no room is dropped
 * and counted; the writer never waits, so a main thread that stalls cannot delay a reset.
 *
 * A record is a word with its kind (high byte) and length, then the bytes, padded to four. Indices run over all
 * 32 bits and are masked at use, so full and empty are never mistaken (Lamport's queue, 1983).
 */

/** Largest payload of one record. */
export const MAX_RECORD_BYTES = 65_536;

const DEFAULT_RING_BYTES = 1 << 20;

const HEADER_BYTES = 64 * 3;
/** Word offsets, each on a cache line of its own: the two threads must not fight for one. */
const WRITE = 0;
const READ = 16;
const DROPPED = 32;

/** Below this a byte loop is quicker than making a view for `set`. */
const LOOP_BYTES = 96;

export class RecordRing {
  readonly buffer: SharedArrayBuffer;
  readonly #indices: Int32Array;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #mask: number;

  /** `capacityBytes` is a power of two, at least twice MAX_RECORD_BYTES; or give the buffer of the other side. */
  constructor(source: number | SharedArrayBuffer = DEFAULT_RING_BYTES) {
    if (typeof source === "number" && (source < 2 * MAX_RECORD_BYTES || (source & (source - 1)) !== 0)) {
      throw new RangeError(`Cannot make a record ring: capacity must be a power of two from 131072, got ${source}`);
    }
    this.buffer = typeof source === "number" ? new SharedArrayBuffer(HEADER_BYTES + source) : source;
    this.#indices = new Int32Array(this.buffer, 0, HEADER_BYTES / 4);
    this.#words = new Int32Array(this.buffer, HEADER_BYTES);
    this.#bytes = new Uint8Array(this.buffer, HEADER_BYTES);
    this.#mask = this.#bytes.length - 1;
  }

  /** Writer. `kind` is 0 to 255 and means what the two sides agree. False when full or too long: dropped, counted. */
  tryWrite(kind: number, bytes: Uint8Array, offset = 0, length = bytes.length): boolean {
    const indices = this.#indices;
    const mask = this.#mask;
    const write = indices[WRITE];
    const used = (write - Atomics.load(indices, READ)) >>> 0;
    const needed = 4 + ((length + 3) & ~3);
    if (length > MAX_RECORD_BYTES || used + needed > mask + 1) {
      Atomics.add(indices, DROPPED, 1);
      return false;
    }
    this.#words[(write & mask) >>> 2] = (kind << 24) | length;
    this.#copyIn(bytes, offset, length, (write + 4) & mask);
    Atomics.store(indices, WRITE, (write + needed) | 0);
    Atomics.notify(indices, WRITE);
    return true;
  }

  /**
   * Reader. Visits at most `limit` records, oldest first, and returns how many. `bytes` is a copy of the visitor's
   * own. When the visitor throws, that record is gone and the rest stays.
   */
  read(visit: (kind: number, bytes: Uint8Array) => void, limit = Infinity): number {
    const indices = this.#indices;
    const mask = this.#mask;
    let visited = 0;
    let read = indices[READ];
    while (visited < limit && read !== Atomics.load(indices, WRITE)) {
      const word = this.#words[(read & mask) >>> 2];
      const length = word & 0xffffff;
      const record = this.#copyOut((read + 4) & mask, length);
      read = (read + 4 + ((length + 3) & ~3)) | 0;
      Atomics.store(indices, READ, read);
      visited++;
      visit(word >>> 24, record);
    }
    return visited;
  }

  /** Reader. Resolves when there may be something to read, or after `timeoutMs`. Does not keep the process alive. */
  async waitForRecords(timeoutMs: number): Promise<void> {
    const { async, value } = Atomics.waitAsync(this.#indices, WRITE, Atomics.load(this.#indices, READ), timeoutMs);
    if (async) await value;
  }

  /** Reader. Wakes our own `waitForRecords`, for a clean end. */
  wake(): void {
    Atomics.notify(this.#indices, WRITE);
  }

  /** Records refused since the start. */
  get dropped(): number {
    return Atomics.load(this.#indices, DROPPED) >>> 0;
  }

  get usedBytes(): number {
    return (Atomics.load(this.#indices, WRITE) - Atomics.load(this.#indices, READ)) >>> 0;
  }

  get capacityBytes(): number {
    return this.#mask + 1;
  }

  #copyIn(bytes: Uint8Array, offset: number, length: number, at: number): void {
    const target = this.#bytes;
    const mask = this.#mask;
    if (length <= LOOP_BYTES) {
      for (let i = 0; i < length; i++) target[(at + i) & mask] = bytes[offset + i];
      return;
    }
    const head = Math.min(length, mask + 1 - at);
    target.set(bytes.subarray(offset, offset + head), at);
    if (head < length) target.set(bytes.subarray(offset + head, offset + length), 0);
  }

  #copyOut(at: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    const head = Math.min(length, this.#mask + 1 - at);
    out.set(this.#bytes.subarray(at, at + head));
    if (head < length) out.set(this.#bytes.subarray(0, length - head), head);
    return out;
  }
}
