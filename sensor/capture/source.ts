/** What every way in and every way out has in common. */
import type { Frame } from "../decode/mod.ts";

/** Counted since the source was opened. */
export interface CaptureStatistics {
  /** Frames handed to `visit`. */
  packets: number;
  /** Their bytes on the wire. */
  bytes: number;
  /** Lost because nobody read in time (the kernel's count). */
  dropped: number;
  /** Handed over, but shorter than on the wire. */
  cutShort: number;
  /** Larger than their slot, and read whole beside the ring. */
  superPackets: number;
  /** Times that the thread went to sleep for want of packets, and rests between drains under load. */
  waits: number;
  rests: number;
  /** Processor time that looking without sleeping took and brought nothing. */
  idleSpinMicroseconds: number;
}

export function emptyStatistics(): CaptureStatistics {
  return { packets: 0, bytes: 0, dropped: 0, cutShort: 0, superPackets: 0, waits: 0, rests: 0, idleSpinMicroseconds: 0 };
}

export interface PacketSource {
  /**
   * Waits until a packet, the wake or the deadline comes, and visits what is there: a batch of bounded size. Returns
   * the number visited; 0 for the deadline or the wake. Below 0 waits without end; 0 never waits.
   * The frame is reused: it is valid only inside `visit`.
   */
  poll(timeoutMs: number, visit: (frame: Frame) => void): number;
  /** The same object every time, brought up to date. */
  statistics(): CaptureStatistics;
  /** Ends a `poll` that waits, or the next one; callable inside `visit`. From another thread: `wake(wakeHandle)`. */
  wake(): void;
  /** Ends the source for good; `poll` returns 0 from then on. Callable inside `visit`. */
  close(): void;
}

/** Packets on their way out: the shape of inject's Outbox. */
export interface OutgoingPackets {
  /** Packet i starts at `i * (bytes.length / capacity)`. */
  readonly bytes: Uint8Array;
  readonly length: Int32Array;
  readonly route: Int32Array;
  readonly interfaceIndex: Int32Array;
  /** Written by the sink: 0 or errno. */
  readonly error: Int32Array;
  readonly capacity: number;
  readonly count: number;
}

export interface PacketSink {
  /** Sends all of it and returns how many left; does not empty the outbox. */
  send(outbox: OutgoingPackets): number;
  /** The interface that it was bound to by name is another one now. */
  rebind?(): void;
  close(): void;
}
