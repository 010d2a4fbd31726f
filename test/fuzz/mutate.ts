/**
 * Seeded damage to packets: bits, bytes, length fields, options, truncation, splices. Works in one buffer of its own
 * and allocates nothing, so that a run of a million shows what decode and flow allocate.
 */
import { Frame, LinkType } from "../../sensor/decode/mod.ts";
import type { Random } from "./random.ts";
import type { SeedPacket } from "./seeds.ts";

/** Room before the frame, and the longest frame. */
export const FRAME_OFFSET = 64;
const MAX_FRAME_BYTES = 8192;

/** Values that sit on edges of length fields, counters and flags. */
const EDGES = [0, 1, 2, 4, 5, 7, 8, 15, 16, 20, 39, 40, 63, 64, 127, 128, 254, 255];
const LINK_TYPES: readonly number[] = Object.values(LinkType);
/** Where length-like fields of link, IPv4, IPv6 and TCP lie in an Ethernet frame; tunnels shift them by chance. */
const TENDER = [12, 13, 14, 16, 17, 18, 19, 20, 21, 23, 24, 34, 38, 42, 43, 46, 47, 54, 55, 56, 57, 62, 66, 67, 68, 69, 70, 74];

export class Mutator {
  readonly frame = new Frame();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    this.frame.bytes = new Uint8Array(FRAME_OFFSET + MAX_FRAME_BYTES + 64);
    this.frame.offset = FRAME_OFFSET;
  }

  /** The packet as it is. */
  load(seed: SeedPacket): void {
    const { frame } = this;
    const length = Math.min(seed.bytes.length, MAX_FRAME_BYTES);
    for (let index = 0; index < length; index++) frame.bytes[FRAME_OFFSET + index] = seed.bytes[index]!;
    frame.capturedLength = length;
    frame.wireLength = length;
    frame.linkType = seed.linkType;
    frame.checksum = 0;
    frame.vlanTci = -1;
    frame.vlanTpid = 0;
    frame.direction = 0;
    frame.interfaceIndex = 1;
  }

  /** Damages what is loaded in one to four ways; `other` lends bytes to a splice. */
  damage(other: SeedPacket): void {
    for (let times = 1 + this.#random.below(4); times > 0; times--) this.#damageOnce(other);
  }

  #damageOnce(other: SeedPacket): void {
    const random = this.#random;
    switch (random.below(11)) {
      case 0:
        return this.#flipBit();
      case 1:
        return this.#set(random.below(this.frame.capturedLength + 1), random.next());
      case 2:
      case 3:
        return this.#set(TENDER[random.below(TENDER.length)]!, EDGES[random.below(EDGES.length)]!);
      case 4:
        return this.#set(TENDER[random.below(TENDER.length)]!, random.next());
      case 5:
        return this.#set16(random.below(this.frame.capturedLength + 1), EDGES[random.below(EDGES.length)]! * random.below(300));
      case 6:
        return this.#truncate();
      case 7:
        return this.#splice(other);
      case 8:
        return this.#repeatPart();
      case 9:
        return this.#lieAboutTheFrame();
      default:
        return this.#extend();
    }
  }

  #flipBit(): void {
    const { frame } = this;
    if (frame.capturedLength === 0) return;
    const offset = FRAME_OFFSET + this.#random.below(frame.capturedLength);
    frame.bytes[offset] = frame.bytes[offset]! ^ (1 << this.#random.below(8));
  }

  #set(offset: number, value: number): void {
    if (offset < this.frame.capturedLength) this.frame.bytes[FRAME_OFFSET + offset] = value;
  }

  #set16(offset: number, value: number): void {
    this.#set(offset, value >> 8);
    this.#set(offset + 1, value);
  }

  #truncate(): void {
    const { frame } = this;
    frame.capturedLength = this.#random.below(frame.capturedLength + 1);
    if (this.#random.oneIn(2)) frame.wireLength = frame.capturedLength;
  }

  /** The tail of another packet from some place on. */
  #splice(other: SeedPacket): void {
    const { frame } = this;
    const at = this.#random.below(frame.capturedLength + 1);
    const from = this.#random.below(other.bytes.length + 1);
    const length = Math.min(other.bytes.length - from, MAX_FRAME_BYTES - at);
    for (let index = 0; index < length; index++) frame.bytes[FRAME_OFFSET + at + index] = other.bytes[from + index]!;
    frame.capturedLength = at + length;
    frame.wireLength = frame.capturedLength;
  }

  /** Headers inside headers: a piece once more, right behind itself. */
  #repeatPart(): void {
    const { frame } = this;
    const first = this.#random.below(frame.capturedLength + 1);
    const length = Math.min(this.#random.below(64), frame.capturedLength - first, MAX_FRAME_BYTES - frame.capturedLength);
    const end = FRAME_OFFSET + frame.capturedLength;
    frame.bytes.copyWithin(FRAME_OFFSET + first + length, FRAME_OFFSET + first, end);
    frame.capturedLength += length;
    frame.wireLength = frame.capturedLength;
  }

  #lieAboutTheFrame(): void {
    const { frame } = this;
    const random = this.#random;
    switch (random.below(6)) {
      case 0:
        frame.linkType = LINK_TYPES[random.below(LINK_TYPES.length)]!;
        return;
      case 1:
        frame.wireLength = frame.capturedLength + random.below(70_000);
        return;
      case 2:
        frame.wireLength = random.below(frame.capturedLength + 1);
        return;
      case 3:
        frame.vlanTci = random.below(4096);
        frame.vlanTpid = 0x8100;
        return;
      case 4:
        frame.interfaceIndex = random.below(4);
        frame.direction = random.oneIn(2) ? 4 : 0;
        return;
      default:
        frame.checksum = random.below(3);
    }
  }

  #extend(): void {
    const { frame } = this;
    const length = Math.min(this.#random.below(3000), MAX_FRAME_BYTES - frame.capturedLength);
    const end = FRAME_OFFSET + frame.capturedLength;
    for (let index = 0; index < length; index++) frame.bytes[end + index] = index;
    frame.capturedLength += length;
    frame.wireLength = frame.capturedLength;
  }
}
