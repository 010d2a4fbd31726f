/** A raw hand in a namespace: hears every segment of a port, and sends whatever segment it is told to. */
import { compile } from "../compile.ts";
import type { Station } from "../network.ts";
import type { LabProcess } from "../process.ts";

/** A TCP segment over IPv4, as heard or to be sent. Numbers are unsigned. */
export interface Segment {
  readonly src: string;
  readonly dst: string;
  readonly sport: number;
  readonly dport: number;
  readonly seq: number;
  readonly ack: number;
  /** Letters of FSRPAUEC. */
  readonly flags: string;
  readonly win?: number;
  readonly ttl?: number;
}

export interface HeardSegment extends Segment {
  /** True for what this machine sent. */
  readonly out: boolean;
  readonly win: number;
  readonly ttl: number;
  readonly id: number;
  /** Payload bytes. */
  readonly length: number;
  /** Hexadecimal. */
  readonly options: string;
  /** The first 256 bytes of the payload, hexadecimal. */
  readonly data: string;
}

export interface ForgedSegment extends Segment {
  readonly data?: string;
  /** Hexadecimal, a multiple of four bytes. */
  readonly options?: string;
  readonly badChecksum?: boolean;
}

/** Segments kept for those who ask later. */
const HEARD_LIMIT = 100_000;

export class RawHand {
  readonly process: LabProcess;
  readonly station: Station;
  readonly heard: HeardSegment[] = [];
  readonly #listeners: ((segment: HeardSegment) => void)[] = [];

  private constructor(station: Station, port: number) {
    this.station = station;
    this.process = station.start([compile("adversary", station.namespace.lab.directory), "puppet", station.device, String(port)]);
    this.process.onLine = (line) => {
      if (line.startsWith("{")) this.#hear(JSON.parse(line) as HeardSegment);
    };
  }

  /**
   * Hears `port` at the station's own interface.
   * @param muteKernel the station's kernel, which knows nothing of a connection that a hand holds, must not reset it
   */
  static async start(station: Station, port: number, muteKernel = false): Promise<RawHand> {
    if (muteKernel) {
      await station.namespace.shell(`nft 'add table inet mute; add chain inet mute in { type filter hook input priority 0; }; add rule inet mute in tcp dport ${port} drop'`);
    }
    const hand = new RawHand(station, port);
    await hand.process.waitForOutput(/^ready$/m);
    return hand;
  }

  onSegment(listener: (segment: HeardSegment) => void): void {
    this.#listeners.push(listener);
  }

  send(segment: ForgedSegment): void {
    const { src, dst, sport, dport, seq, ack, flags, win = 65_535, ttl = 64, options, data, badChecksum } = segment;
    const words = [`src=${src} dst=${dst} sport=${sport} dport=${dport} seq=${seq >>> 0} ack=${ack >>> 0} flags=${flags} win=${win} ttl=${ttl}`];
    if (options !== undefined) words.push(`opts=${options}`);
    if (data !== undefined) words.push(`data=${Buffer.from(data, "latin1").toString("hex")}`);
    if (badChecksum) words.push("sum=bad");
    this.process.write(`${words.join(" ")}\n`);
  }

  /** Resets among what was heard, of the tuple in either direction. */
  resets(port: number): HeardSegment[] {
    return this.heard.filter(({ flags, sport, dport }) => flags.includes("R") && (sport === port || dport === port));
  }

  #hear(segment: HeardSegment): void {
    if (this.heard.length < HEARD_LIMIT) this.heard.push(segment);
    for (const listener of this.#listeners) listener(segment);
  }
}
