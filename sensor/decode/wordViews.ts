/**
 * The buffers that frames come in, seen as 32-bit words: a checksum over words takes a third of the time of one over
 * bytes. Kept from packet to packet, since a source has one or two buffers.
 */
const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Int32Array(0);

export class WordViews {
  #bytes: Uint8Array = NO_BYTES;
  #words: Int32Array = NO_WORDS;
  #otherBytes: Uint8Array = NO_BYTES;
  #otherWords: Int32Array = NO_WORDS;

  /** Word i is bytes 4 i to 4 i + 3; empty where the bytes do not begin on a word. */
  of(bytes: Uint8Array): Int32Array {
    if (bytes === this.#bytes) return this.#words;
    const words = bytes === this.#otherBytes ? this.#otherWords : viewOf(bytes);
    this.#otherBytes = this.#bytes;
    this.#otherWords = this.#words;
    this.#bytes = bytes;
    this.#words = words;
    return words;
  }
}

function viewOf(bytes: Uint8Array): Int32Array {
  return bytes.byteOffset % 4 === 0 ? new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2) : NO_WORDS;
}
