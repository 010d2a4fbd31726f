/**
 * TCP in user space on a raw hand: one end of a connection that sends what the test wants, with numbers that the test
 * knows, and that takes no RST from anybody.
 */
import { until } from "../wait.ts";
import type { ForgedSegment, HeardSegment, RawHand } from "./rawHand.ts";

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

/** What it lets its peer send: the window that a hand offers. */
const WINDOW_BYTES = 65_535;

/** MSS 1460: a kernel takes less than 536 bytes a segment from a peer that names none. */
const SYN_OPTIONS = "020405b4";

export class Puppet {
  readonly hand: RawHand;
  readonly own: Endpoint;
  readonly peer: Endpoint;
  /** Next byte that it sends, and that it expects. */
  next: number;
  expects = 0;
  isEstablished = false;
  /** RSTs that a real socket might have obeyed. */
  resetsIgnored = 0;
  /** What the peer sent, in order. */
  received = "";

  private constructor(hand: RawHand, own: Endpoint, peer: Endpoint) {
    this.hand = hand;
    this.own = own;
    this.peer = peer;
    this.next = Math.floor(Math.random() * 2 ** 32);
  }

  /** Connects from a port that the hand hears. */
  static async connect(hand: RawHand, own: Endpoint, peer: Endpoint): Promise<Puppet> {
    const puppet = new Puppet(hand, own, peer);
    hand.onSegment((segment) => puppet.isMine(segment) && puppet.#onSegment(segment));
    puppet.forge({ flags: "S", ack: 0, options: SYN_OPTIONS });
    puppet.next = (puppet.next + 1) >>> 0;
    await until(`a connection to ${peer.ip}:${peer.port}`, () => puppet.isEstablished);
    return puppet;
  }

  /** Takes every connection to the hand's port; a SYN on a tuple in use begins a new one. */
  static listen(hand: RawHand, own: Endpoint, onConnection: (puppet: Puppet) => void): void {
    const open = new Map<string, Puppet>();
    hand.onSegment((segment) => {
      if (segment.out || segment.dport !== own.port) return;
      const name = `${segment.src}:${segment.sport}`;
      const known = open.get(name);
      if (segment.flags !== "S" || known?.expects === (segment.seq + 1) >>> 0) {
        if (known !== undefined) known.#onSegment(segment);
        return;
      }
      const puppet = new Puppet(hand, own, { ip: segment.src, port: segment.sport });
      open.set(name, puppet);
      puppet.expects = (segment.seq + 1) >>> 0;
      puppet.forge({ flags: "SA", options: SYN_OPTIONS });
      puppet.next = (puppet.next + 1) >>> 0;
      onConnection(puppet);
    });
  }

  isMine({ out, sport, dport, src }: HeardSegment): boolean {
    return !out && sport === this.peer.port && dport === this.own.port && src === this.peer.ip;
  }

  /** Sends what follows in the stream. */
  write(data: string): void {
    this.forge({ data });
    this.next = (this.next + data.length) >>> 0;
  }

  /** Sends a segment of this connection as it would be (`at` bytes further on), except for what is given. */
  forge(segment: Partial<ForgedSegment> & { readonly at?: number } = {}): void {
    const { at = 0, ...rest } = segment;
    const { own, peer } = this;
    this.hand.send({
      src: own.ip, dst: peer.ip, sport: own.port, dport: peer.port,
      seq: (this.next + at) >>> 0, ack: this.expects, flags: rest.data === undefined ? "A" : "PA", ...rest,
    });
  }

  #onSegment({ flags, seq, length, data }: HeardSegment): void {
    if (flags.includes("R")) {
      // Others were for an older connection on the same tuple, say, and a real socket drops them in silence.
      if ((seq - this.expects) >>> 0 <= WINDOW_BYTES) this.resetsIgnored++;
      return;
    }
    if (flags.includes("S")) {
      if (!this.isEstablished && flags.includes("A")) this.expects = (seq + 1) >>> 0;
      this.isEstablished ||= flags.includes("A");
      this.forge();
      return;
    }
    this.isEstablished = true;
    const taken = length + (flags.includes("F") ? 1 : 0);
    const isNext = seq === this.expects;
    if (isNext && taken > 0) {
      this.expects = (seq + taken) >>> 0;
      this.received += Buffer.from(data, "hex").toString("latin1");
    }
    // New data, and whatever does not fit (a keep-alive probe, a duplicate), draws an ACK.
    if (taken > 0 || !isNext) this.forge();
  }
}
