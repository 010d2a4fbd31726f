/** What `decode()` keeps between packets: options, fragment buffers, counters. One for each capture source. */
import { Cursor } from "./cursor.ts";
import { FragmentBuffers } from "./fragments.ts";
import { DECODE_REASON_COUNT } from "./reason.ts";
import { WordViews } from "./wordViews.ts";

/** The largest datagram of an Ethernet without jumbo frames: in a file, more than that was merged by the kernel. */
const ORDINARY_DATAGRAM_BYTES = 1500;
/** Where the kernel says of each frame what it is: only BIG TCP is longer. */
export const LIVE_DATAGRAM_BYTES = 65_535;

export interface DecodeOptions {
  /**
   * "verify" (the default): checksums of which the kernel says nothing must be right. "verify-filled": the same, but
   * one that an offloading sender left unfilled passes (files captured at the sender). "trust": none is looked at.
   */
  checksum?: "verify" | "verify-filled" | "trust";
  /**
   * Datagrams longer than this are taken for super-packets (GSO, GRO): no checksum is verified and a zero length field
   * means "as long as the frame". ORDINARY_DATAGRAM_BYTES unless told; a live capture says LIVE_DATAGRAM_BYTES.
   */
  superPacketBytes?: number;
  /** False: VXLAN, Geneve, GRE and IP in IP stay packed (UDP is Ok, the others NotTransport). */
  unwrapTunnels?: boolean;
  /** Random word for the hash of unfinished datagrams, so that no sender chooses the bucket; 0 unless told. */
  seed?: number;
}

export class DecodeContext {
  readonly cursor = new Cursor();
  readonly words = new WordViews();
  readonly fragments: FragmentBuffers;
  /** How often `decode()` gave each DecodeReason. */
  readonly reasons = new Float64Array(DECODE_REASON_COUNT);
  readonly trustChecksums: boolean;
  readonly acceptUnfilled: boolean;
  readonly superPacketBytes: number;
  readonly unwrapTunnels: boolean;

  constructor(options: DecodeOptions = {}) {
    this.fragments = new FragmentBuffers(this.reasons, options.seed ?? 0);
    this.trustChecksums = options.checksum === "trust";
    this.acceptUnfilled = options.checksum === "verify-filled";
    this.superPacketBytes = options.superPacketBytes ?? ORDINARY_DATAGRAM_BYTES;
    this.unwrapTunnels = options.unwrapTunnels ?? true;
  }
}
