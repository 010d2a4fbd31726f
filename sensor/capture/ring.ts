/**
 * The native ring: a TPACKET_V2 ring shared with the kernel, walked from JavaScript. A slot is
 * `struct tpacket2_hdr` (32 bytes), `struct sockaddr_ll`, then the frame at `tp_mac` (linux/if_packet.h).
 * The kernel sets the status word when a slot is filled; storing 0 there gives the slot back.
 */
import { ChecksumState, Frame, LinkType } from "../decode/mod.ts";
import type { RestOfFrame } from "../decode/mod.ts";
import { loadNative, WaitResult } from "../native/mod.ts";
import type { Native, RingHandle } from "../native/mod.ts";
import { captureError } from "./error.ts";
import { linkTypeOf } from "./hardwareType.ts";
import { Pace } from "./pace.ts";
import type { PaceOptions } from "./pace.ts";
import { emptyStatistics } from "./source.ts";
import type { CaptureStatistics, PacketSource } from "./source.ts";

export interface RingOptions extends PaceOptions {
  /** Classic BPF, from filter.ts; absent: everything. */
  filter?: Uint8Array;
  /** Memory of the ring. A multiple of 64 KiB. */
  ringBytes?: number;
  /** A power of two; a longer packet is read beside the ring. */
  slotBytes?: number;
  /** Bounds the long packets that wait beside the ring. */
  receiveBufferBytes?: number;
  /** An eventfd that wakes `poll`, from `openWakeHandle()`; absent: the ring makes its own. The opener closes it. */
  wakeHandle?: number;
  /** Packets that one `poll` visits at most, so that what they caused leaves soon. */
  batchPackets?: number;
}

const RING_BYTES = 8 << 20;
export const SLOT_BYTES = 2048;
/** With CAP_NET_RAW alone the kernel gives net.core.rmem_max at most. */
const RECEIVE_BUFFER_BYTES = 32 << 20;
/**
 * Without CAP_NET_ADMIN only a handful of super-packets may wait beside the ring (net.core.rmem_max); then the ring has
 * fewer slots, and each holds one whole.
 */
const ENOUGH_RECEIVE_BUFFER_BYTES = 4 << 20;
const LONG_SLOT_BYTES = 65_536;
const BATCH_PACKETS = 256;
/** The longest packet that Linux makes (BIG TCP: GSO_MAX_SIZE is 8 * 65535), and its link header. */
export const LONGEST_PACKET_BYTES = 8 * 65536;

// Words of a slot, after the status in the first.
const LENGTH = 1;
const SNAPPED_LENGTH = 2;
const OFFSETS = 3;
const SECONDS = 4;
const NANOSECONDS = 5;
const VLAN = 6;
const INTERFACE = 9;
/** sll_hatype in the low half, sll_pkttype in the third byte. */
const HARDWARE = 10;

// TP_STATUS_ bits.
const USER = 1 << 0;
const COPY = 1 << 1;
const CHECKSUM_NOT_READY = 1 << 3;
const VLAN_VALID = 1 << 4;
const VLAN_TPID_VALID = 1 << 6;
const CHECKSUM_VALID = 1 << 7;
const GSO_TCP = 1 << 8;

const ETHERTYPE_VLAN = 0x8100;
/**
 * On x86-64 the processor keeps loads in order among themselves, and stores behind loads; V8 keeps those of one function
 * as written. There a plain access does what the atomic one does, which is a call of 10 ns.
 */
const PLAIN_IS_ORDERED = process.arch === "x64";
const ACCEPT_ALL = new Uint8Array(Uint16Array.of(0x06, 0, 0xffff, 0xffff).buffer);

/** Opens a ring on every interface of this network namespace, those that come later too. Needs CAP_NET_RAW (CaptureError otherwise). */
export function openRing(options: RingOptions = {}): RingSource {
  return new RingSource(options);
}

/** A descriptor that wakes a thread blocked in `poll`; valid in every thread of this process. */
export function openWakeHandle(): number {
  return loadNative().eventOpen();
}

/** Wakes the `poll` that waits on the handle, or its next one. From any thread. */
export function wake(handle: number): void {
  loadNative().wake(handle);
}

export function closeWakeHandle(handle: number): void {
  loadNative().closeFd(handle);
}

export class RingSource implements PacketSource, RestOfFrame {
  readonly wakeHandle: number;
  readonly #native: Native;
  readonly #ring: RingHandle;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #superPacket = new Uint8Array(LONGEST_PACKET_BYTES);
  readonly #discarded = new Uint8Array(1);
  readonly #frame = new Frame();
  readonly #pace: Pace;
  readonly #statistics = emptyStatistics();
  readonly #kernelCounts = new Uint32Array(2);
  readonly #ownsWakeHandle: boolean;
  readonly #slotWords: number;
  readonly #slots: number;
  readonly #batchPackets: number;
  /** A wait was ended by the wake handle since somebody set this to false. */
  woken = true;
  #slot = 0;
  #open = true;

  constructor(options: RingOptions) {
    const native = loadNative();
    this.#native = native;
    this.#batchPackets = options.batchPackets ?? BATCH_PACKETS;
    this.#pace = new Pace(options);
    this.#ownsWakeHandle = options.wakeHandle === undefined;
    this.wakeHandle = options.wakeHandle ?? native.eventOpen();
    const ringBytes = options.ringBytes ?? RING_BYTES;
    const opened = (slotBytes: number): RingHandle =>
      native.ringOpen(slotBytes, ringBytes / slotBytes, options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES, options.filter ?? ACCEPT_ALL, 0, this.wakeHandle);
    try {
      let slotBytes = options.slotBytes ?? SLOT_BYTES;
      let ring = opened(slotBytes);
      if (options.slotBytes === undefined && ring.receiveBufferBytes < ENOUGH_RECEIVE_BUFFER_BYTES) {
        native.ringClose(ring);
        slotBytes = LONG_SLOT_BYTES;
        ring = opened(slotBytes);
      }
      this.#ring = ring;
      this.#slotWords = slotBytes >> 2;
      this.#slots = ringBytes / slotBytes;
    } catch (error) {
      if (this.#ownsWakeHandle) native.closeFd(this.wakeHandle);
      throw captureError(error);
    }
    this.#words = new Int32Array(this.#ring.buffer);
    this.#bytes = new Uint8Array(this.#ring.buffer);
  }

  /** What the kernel granted for long packets beside the ring: twice what was asked, or twice net.core.rmem_max. */
  get receiveBufferBytes(): number {
    return this.#ring.receiveBufferBytes;
  }

  poll(timeoutMs: number, visit: (frame: Frame) => void): number {
    if (!this.#open) return 0;
    const pace = this.#pace;
    if (timeoutMs !== 0 && pace.restMs > 0 && !pace.backlog) {
      // Under load sleep by the clock, not by the packet: the kernel then wakes nobody for each of them.
      this.#statistics.rests++;
      const result = this.#native.ringWait(this.#ring, shorter(timeoutMs, pace.restMs), true);
      if (result > 0 && (result & WaitResult.Woken) !== 0) this.woken = true;
      const count = this.#drain(visit);
      pace.rested(count);
      timeoutMs = remaining(timeoutMs, pace.restMs);
      if (count > 0 || result !== 0 || timeoutMs === 0) return count;
    } else {
      const count = this.#drain(visit);
      if (count > 0 || timeoutMs === 0) return count;
    }
    const spinUs = pace.spinMicroseconds;
    if (spinUs > 0) {
      const longestUs = shorter(timeoutMs, spinUs / 1000) * 1000;
      const hit = this.#native.ringSpin(this.#ring, this.#slot, longestUs) === 1;
      pace.spun(hit);
      if (!hit) this.#statistics.idleSpinMicroseconds += longestUs;
      timeoutMs = remaining(timeoutMs, spinUs / 1000);
      if (hit) return this.#drain(visit);
      if (timeoutMs === 0) return 0;
    }
    return this.#wait(timeoutMs, visit);
  }

  #wait(timeoutMs: number, visit: (frame: Frame) => void): number {
    this.#statistics.waits++;
    const result = this.#native.ringWait(this.#ring, timeoutMs, false);
    if (result > 0 && (result & WaitResult.Woken) !== 0) this.woken = true;
    if (result < 0 || (result & WaitResult.Readable) === 0) return 0;
    const count = this.#drain(visit);
    if (count > 0) this.#pace.woken(this.#frame.timestampMs);
    return count;
  }

  /** Rests no longer than it must: somebody waits for what packets say. Call it before each `poll`. */
  hurry(): void {
    this.#pace.hurry();
  }

  /** Replaces the filter without losing a packet; packets already in the ring still come. */
  setFilter(code: Uint8Array): void {
    if (!this.#open) return;
    const result = this.#native.ringFilter(this.#ring, code);
    if (result < 0) throw captureError({ errno: -result, message: `Give a filter that the kernel accepts: ${code.length / 8} instructions` });
  }

  statistics(): CaptureStatistics {
    if (this.#open && this.#native.ringStatistics(this.#ring, this.#kernelCounts) === 0) {
      this.#statistics.dropped += this.#kernelCounts[1];
    }
    return this.#statistics;
  }

  wake(): void {
    if (this.#open) this.#native.wake(this.wakeHandle);
  }

  close(): void {
    if (!this.#open) return;
    this.statistics();
    this.#open = false;
    this.#native.ringClose(this.#ring);
    if (this.#ownsWakeHandle) this.#native.closeFd(this.wakeHandle);
  }

  #drain(visit: (frame: Frame) => void): number {
    const words = this.#words;
    const limit = this.#batchPackets;
    let count = 0;
    let status = statusAt(words, this.#slot * this.#slotWords);
    while ((status & USER) !== 0 && count < limit) {
      const base = this.#slot * this.#slotWords;
      this.#slot = this.#slot + 1 === this.#slots ? 0 : this.#slot + 1;
      // Asked for early: it comes from another core's cache while this packet is worked on.
      status = this.#visitSlot(base, status, statusAt(words, this.#slot * this.#slotWords), visit);
      count++;
      if (!this.#open) return count;
      if ((status & USER) === 0) status = statusAt(words, this.#slot * this.#slotWords);
    }
    this.#pace.backlog = count === limit;
    return count;
  }

  /** Visits one slot and gives it back; returns `following` untouched. */
  #visitSlot(base: number, status: number, following: number, visit: (frame: Frame) => void): number {
    this.#fill(base, status);
    try {
      visit(this.#frame);
    } finally {
      if (this.#open) {
        // Nobody wanted it whole; it must not stand before the next one.
        if (this.#frame.rest !== null) this.#native.ringReceive(this.#ring, this.#discarded);
        this.#release(base);
      }
    }
    return following;
  }

  /** Reads a super-packet whole, from beside the ring. */
  fetch(frame: Frame): void {
    const length = this.#native.ringReceive(this.#ring, this.#superPacket);
    frame.rest = null;
    if (length <= frame.capturedLength) {
      this.#statistics.cutShort++;
      return;
    }
    frame.bytes = this.#superPacket;
    frame.offset = 0;
    frame.capturedLength = length < LONGEST_PACKET_BYTES ? length : LONGEST_PACKET_BYTES;
    if (frame.capturedLength < frame.wireLength) this.#statistics.cutShort++;
    this.#statistics.superPackets++;
  }

  /** The kernel may fill the slot again. A plain store does not wait for the cache line. */
  #release(base: number): void {
    if (PLAIN_IS_ORDERED) this.#words[base] = 0;
    else Atomics.store(this.#words, base, 0);
  }

  #fill(base: number, status: number): void {
    const words = this.#words;
    const frame = this.#frame;
    const statistics = this.#statistics;
    const wireLength = words[base + LENGTH];
    const capturedLength = words[base + SNAPPED_LENGTH];
    frame.bytes = this.#bytes;
    frame.offset = (base << 2) + (words[base + OFFSETS] & 0xffff);
    frame.rest = (status & COPY) !== 0 ? this : null;
    if (frame.rest === null && capturedLength < wireLength) statistics.cutShort++;
    frame.capturedLength = capturedLength;
    frame.wireLength = wireLength;
    frame.timestampMs = (words[base + SECONDS] >>> 0) * 1000 + (words[base + NANOSECONDS] >>> 0) / 1e6;
    frame.interfaceIndex = words[base + INTERFACE];
    const hardware = words[base + HARDWARE];
    frame.linkType = (hardware & 0xffff) === 1 ? LinkType.Ethernet : linkTypeOf(hardware & 0xffff);
    frame.direction = (hardware >>> 16) & 0xff;
    // A merged (GRO) or unsegmented (GSO) packet carries no checksum of the whole.
    frame.checksum = (status & CHECKSUM_VALID) !== 0 ? ChecksumState.Valid
      : (status & (CHECKSUM_NOT_READY | GSO_TCP)) !== 0 ? ChecksumState.NotReady
      : ChecksumState.Unknown;
    if ((status & VLAN_VALID) !== 0) {
      const tag = words[base + VLAN];
      frame.vlanTci = tag & 0xffff;
      frame.vlanTpid = (status & VLAN_TPID_VALID) !== 0 ? tag >>> 16 : ETHERTYPE_VLAN;
    } else {
      frame.vlanTci = -1;
      frame.vlanTpid = 0;
    }
    statistics.packets++;
    statistics.bytes += wireLength;
  }
}

function statusAt(words: Int32Array, at: number): number {
  return PLAIN_IS_ORDERED ? words[at] : Atomics.load(words, at);
}

/** The shorter of a timeout (below 0: none) and a length of time. */
function shorter(timeoutMs: number, lengthMs: number): number {
  return timeoutMs >= 0 && timeoutMs < lengthMs ? timeoutMs : lengthMs;
}

/** What is left of a timeout after a length of time; below 0: none. */
function remaining(timeoutMs: number, lengthMs: number): number {
  return timeoutMs < 0 ? timeoutMs : timeoutMs > lengthMs ? timeoutMs - lengthMs : 0;
}
