/**
 * The part of a capture file that is in memory: bytes from `start` to `end`, of which the first lies `offset` bytes
 * from the start of the capture. Grows to the longest record, not to the file.
 */
export const MAX_RECORD_BYTES = 16 << 20;
const INITIAL_BYTES = 4 << 10;

export class ByteWindow {
  bytes = new Uint8Array(INITIAL_BYTES);
  view = new DataView(this.bytes.buffer);
  start = 0;
  end = 0;
  offset = 0;

  get length(): number {
    return this.end - this.start;
  }

  /** Moves past bytes that were read. */
  take(count: number): void {
    this.start += count;
    this.offset += count;
  }

  /** Makes room behind `end` for `count` more bytes. */
  reserve(count: number): void {
    if (this.bytes.length - this.end >= count) return;
    const kept = this.length;
    if (kept + count <= this.bytes.length) {
      this.bytes.copyWithin(0, this.start, this.end);
    } else {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, kept + count));
      larger.set(this.bytes.subarray(this.start, this.end));
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    this.start = 0;
    this.end = kept;
  }

  append(chunk: Uint8Array): void {
    this.reserve(chunk.length);
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
  }
}
