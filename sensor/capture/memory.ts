/** Frames from an array, and a sink that remembers: for tests, and for the pipeline's self-test. */
import { Frame } from "../decode/mod.ts";
import { emptyStatistics } from "./source.ts";
import type { CaptureStatistics, OutgoingPackets, PacketSink, PacketSource } from "./source.ts";

/** What a frame may say beside its bytes; absent fields are as in a new Frame. */
export interface MemoryFrame extends Partial<Omit<Frame, "bytes" | "offset" | "capturedLength">> {
  bytes: Uint8Array;
}

export class MemorySource implements PacketSource {
  readonly #frame = new Frame();
  readonly #blank = new Frame();
  readonly #statistics = emptyStatistics();
  readonly #batchPackets: number;
  #frames: readonly MemoryFrame[];
  #next = 0;

  constructor(frames: readonly MemoryFrame[], batchPackets = 256) {
    this.#frames = frames;
    this.#batchPackets = batchPackets;
  }

  /** Never waits: without frames it returns 0 at once. */
  poll(_timeoutMs: number, visit: (frame: Frame) => void): number {
    let count = 0;
    while (count < this.#batchPackets && this.#next < this.#frames.length) {
      const { bytes } = this.#frames[this.#next];
      const frame = Object.assign(this.#frame, this.#blank, { wireLength: bytes.length }, this.#frames[this.#next]);
      frame.offset = 0;
      frame.capturedLength = bytes.length;
      this.#next++;
      count++;
      this.#statistics.packets++;
      this.#statistics.bytes += bytes.length;
      if (frame.wireLength > bytes.length) this.#statistics.cutShort++;
      visit(frame);
    }
    return count;
  }

  statistics(): CaptureStatistics {
    return this.#statistics;
  }

  wake(): void {}

  close(): void {
    this.#frames = [];
  }
}

export interface SentPacket {
  bytes: Uint8Array;
  route: number;
  interfaceIndex: number;
}

export class MemorySink implements PacketSink {
  readonly sent: SentPacket[] = [];
  /** Written to the outbox for each packet from now on; what failed is not remembered. */
  failWith = 0;

  send(outbox: OutgoingPackets): number {
    const slotBytes = outbox.bytes.length / outbox.capacity;
    for (let index = 0; index < outbox.count; index++) {
      outbox.error[index] = this.failWith;
      if (this.failWith !== 0) continue;
      const from = index * slotBytes;
      this.sent.push({
        bytes: outbox.bytes.slice(from, from + outbox.length[index]),
        route: outbox.route[index],
        interfaceIndex: outbox.interfaceIndex[index],
      });
    }
    return this.failWith === 0 ? outbox.count : 0;
  }

  close(): void {}
}
