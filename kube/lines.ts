/** Cuts a stream of chunks into lines without copying what came in one chunk, and with a limit to what it holds. */

const NEWLINE = 0x0a;

export class LineTooLong extends Error {}

export class LineSplitter {
  readonly #limit: number;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** Bytes of a line whose end has not come. */
  get pendingBytes(): number {
    return this.#length;
  }

  /** The lines that `chunk` completes, without their ends; empty ones are left out. Throws LineTooLong, for good. */
  *push(chunk: Buffer): Generator<Buffer> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      start = end + 1;
      if (this.#length > 0) yield this.#take();
    }
    this.#keep(chunk.subarray(start));
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#length += part.length;
    if (this.#length > this.#limit) throw new LineTooLong(`Cannot read a line of the watch, expected at most ${this.#limit} bytes: current value is more than that`);
    this.#parts.push(part);
  }

  #take(): Buffer {
    const line = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.#length);
    this.#parts = [];
    this.#length = 0;
    return line;
  }
}
