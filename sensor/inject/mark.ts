/**
 * The keyed mark of what this sensor and its brothers forge: IP identification and TCP window (IPv6: flow label and
 * window) are a HalfSipHash of the sequence number, the acknowledgement number and the flags. NAT rewrites
 * addresses and ports and leaves all of these alone, so a forged packet is known at every interface of every node.
 * An innocent packet matches once in 2^32, and only where it is bare: no TCP option, no payload (one byte with an ACK),
 * nothing but RST, RST|ACK, ACK or SYN.
 */
import { TcpFlag } from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import { halfSipHash } from "./halfSipHash.ts";

const TCP_HEADER_BYTES = 20;
const RST_ACK = TcpFlag.Rst | TcpFlag.Ack;

const Lane = { Mark: 0, Unguessable: 1 } as const;

export class Mark {
  readonly #key0: number;
  readonly #key1: number;

  /** The key is two 32-bit words, the same on every sensor of a fleet. */
  constructor(key: ArrayLike<number>) {
    this.#key0 = key[0] | 0;
    this.#key1 = key[1] | 0;
  }

  /** 32 bits: IPv4 takes identification and window from them, IPv6 flow label and window. */
  of(sequence: number, acknowledgement: number, flags: number): number {
    return halfSipHash(this.#key0, this.#key1, sequence, acknowledgement, flags, Lane.Mark);
  }

  /** True for a packet that a holder of the key forged. */
  isOwn(packet: Packet): boolean {
    const flags = packet.flags;
    if (flags !== TcpFlag.Rst && flags !== RST_ACK && flags !== TcpFlag.Ack && flags !== TcpFlag.Syn) return false;
    if (packet.payloadLength > (flags === TcpFlag.Ack ? 1 : 0) || packet.payloadOffset - packet.transportOffset !== TCP_HEADER_BYTES) return false;
    const mark = this.of(packet.sequence, packet.acknowledgement, flags);
    if (packet.window !== windowOf(mark)) return false;
    return packet.ipVersion === 4 ? packet.ipId === identificationOf(mark) : packet.flowLabel === flowLabelOf(mark);
  }

  /** A sequence number that nobody without the key can foresee: for the SYN oracle. */
  unguessable(word0: number, word1: number, word2: number): number {
    return halfSipHash(this.#key0, this.#key1, word0, word1, word2, Lane.Unguessable);
  }
}

export function windowOf(mark: number): number {
  return mark & 0xffff;
}

/** Never 0: the kernel fills in an identification of 0 on a raw socket (raw(7)). */
export function identificationOf(mark: number): number {
  return mark >>> 16 || 1;
}

export function flowLabelOf(mark: number): number {
  return mark >>> 12 || 1;
}
