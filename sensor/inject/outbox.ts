/**
 * Forged packets on their way out: preallocated slots that `Injector` fills and the worker (or a test) empties.
 * inject never sends by itself, so every test can look at exactly what would have left.
 */

/** How a forged packet leaves. */
export const Route = {
  /** A whole link-layer frame by AF_PACKET on `interfaceIndex`. */
  Frame: 0,
  /** An IPv4 packet by a raw IP socket: the kernel routes, translates and encapsulates it. */
  Raw4: 1,
  /** The same for IPv6. */
  Raw6: 2,
} as const;

/** Ethernet, two VLAN tags, IPv6, TCP with 40 bytes of options. */
export const SLOT_BYTES = 160;

export class Outbox {
  readonly bytes: Uint8Array;
  readonly length: Int32Array;
  readonly route: Int32Array;
  /** Interface to leave by; 0 with a raw route: as the routing table says. */
  readonly interfaceIndex: Int32Array;
  /** 0, or the errno that the kernel gave: written by whoever sends. */
  readonly error: Int32Array;
  readonly capacity: number;
  count = 0;
  /** Changes with every `clear()`: a slot of an earlier epoch has left and can no longer be rewritten. */
  epoch = 0;
  /** Packets that found no free slot, ever. */
  dropped = 0;

  constructor(capacity = 512) {
    this.capacity = capacity;
    this.bytes = new Uint8Array(capacity * SLOT_BYTES);
    this.length = new Int32Array(capacity);
    this.route = new Int32Array(capacity);
    this.interfaceIndex = new Int32Array(capacity);
    this.error = new Int32Array(capacity);
  }

  /** Index of a free slot, whose bytes start at `index * SLOT_BYTES`; -1 when full (counted). */
  reserve(): number {
    if (this.count === this.capacity) {
      this.dropped++;
      return -1;
    }
    return this.count++;
  }

  clear(): void {
    this.count = 0;
    this.epoch = (this.epoch + 1) | 0;
  }
}
