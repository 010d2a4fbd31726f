/**
 * Memory for segments that wait for missing ones: list nodes, and their bytes in chained chunks. Both are one
 * zero-filled allocation with a high-water mark, so that what is never used is never in memory.
 */

export const NODE_WORDS = 8;

/** Word offsets of a waiting segment. */
export const Node = {
  /** The segment behind it, as node + 1; 0 for none. */
  Next: 0,
  Sequence: 1,
  /** Payload bytes on the wire, whether kept or not. */
  Length: 2,
  /** NodeFlag bits. */
  Flags: 3,
  /** First chunk of its bytes, as chunk + 1; 0 where they were not kept. */
  Chunk: 4,
} as const;

export const NodeFlag = {
  /** A FIN stands behind the bytes. */
  Fin: 1,
  /** The receiver may have dropped it: it counts when acknowledged. */
  Provisional: 2,
} as const;

/** Word offsets of a queue's header, which is a node as well. */
export const Header = {
  /** First segment, as node + 1. */
  Head: 0,
  /** Bytes in chunks. */
  HeldBytes: 1,
  Segments: 2,
  /** Sequence number of the urgent byte that is still to come, where `Urgent` is 1. */
  UrgentSequence: 3,
  Urgent: 4,
  /** Packets seen behind the hole at `Next` (only flows of which one side is seen). */
  Beyond: 5,
} as const;

export const CHUNK_BYTES = 2048;

export class SegmentPool {
  readonly nodes: Int32Array;
  readonly bytes: Uint8Array;
  /** The chunk behind each, as chunk + 1; 0 for none. */
  readonly chunkNext: Int32Array;
  nodesUsed = 0;
  chunksUsed = 0;

  private readonly nodeLimit: number;
  private readonly chunkLimit: number;
  private nodeHighWater = 0;
  private chunkHighWater = 0;
  private freeNode = 0;
  private freeChunk = 0;

  constructor(segments: number, bytes: number) {
    this.nodeLimit = segments;
    this.chunkLimit = Math.floor(bytes / CHUNK_BYTES);
    this.nodes = new Int32Array(segments * NODE_WORDS);
    this.bytes = new Uint8Array(this.chunkLimit * CHUNK_BYTES);
    this.chunkNext = new Int32Array(this.chunkLimit);
  }

  get heldBytes(): number {
    return this.chunksUsed * CHUNK_BYTES;
  }

  /** A node with every word 0, -1 when there is none left. */
  takeNode(): number {
    let node: number;
    if (this.freeNode !== 0) {
      node = this.freeNode - 1;
      this.freeNode = this.nodes[node * NODE_WORDS];
    } else if (this.nodeHighWater < this.nodeLimit) {
      node = this.nodeHighWater++;
    } else {
      return -1;
    }
    const at = node * NODE_WORDS;
    for (let word = 0; word < NODE_WORDS; word++) this.nodes[at + word] = 0;
    this.nodesUsed++;
    return node;
  }

  giveNode(node: number): void {
    this.nodes[node * NODE_WORDS] = this.freeNode;
    this.freeNode = node + 1;
    this.nodesUsed--;
  }

  /** Copies the bytes into a chain of chunks; its first as chunk + 1, 0 where there is no room for all. */
  store(source: Uint8Array, offset: number, length: number): number {
    const wanted = Math.ceil(length / CHUNK_BYTES);
    if (wanted === 0 || wanted > this.chunkLimit - this.chunksUsed) return 0;
    this.chunksUsed += wanted;
    let first = 0;
    // From the last to the first, so that each chunk knows the one behind it.
    for (let part = wanted - 1; part >= 0; part--) {
      let chunk: number;
      if (this.freeChunk !== 0) {
        chunk = this.freeChunk - 1;
        this.freeChunk = this.chunkNext[chunk];
      } else {
        chunk = this.chunkHighWater++;
      }
      this.chunkNext[chunk] = first;
      first = chunk + 1;
      const from = offset + part * CHUNK_BYTES;
      const size = Math.min(CHUNK_BYTES, length - part * CHUNK_BYTES);
      const to = chunk * CHUNK_BYTES;
      for (let i = 0; i < size; i++) this.bytes[to + i] = source[from + i];
    }
    return first;
  }

  /** Gives a chain back. */
  free(first: number): void {
    let link = first;
    while (link !== 0) {
      const chunk = link - 1;
      link = this.chunkNext[chunk];
      this.chunkNext[chunk] = this.freeChunk;
      this.freeChunk = chunk + 1;
      this.chunksUsed--;
    }
  }
}
