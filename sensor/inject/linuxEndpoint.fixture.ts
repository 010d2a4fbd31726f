/**
 * A model of one end of a TCP connection as Linux 6.18 was measured to behave towards forged segments: what resets
 * it, what draws a challenge ACK, what is passed over in silence, and what a host says for a socket that is gone.
 * Only as much of TCP beside it as keeps data flowing: one segment retransmitted at a time, no congestion control.
 */
import { TcpFlag, add, after, before, distance } from "../decode/mod.ts";

export interface Segment {
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  readonly length: number;
}

export type EndpointState = "listen" | "synSent" | "synReceived" | "established" | "closeWait" | "closed";

const { Syn, Ack, Rst, Fin } = TcpFlag;
const GATE_MS = 500;
const RETRANSMIT_MS = 30;

export class LinuxEndpoint {
  state: EndpointState;
  next: number;
  unacknowledged: number;
  expects = 0;
  /** `expects` when the last ACK was sent (rcv_wup). */
  told = 0;
  window = 65_536;
  sack = true;
  /** Never obeys a RST: an adversary with a stack of its own. */
  ignoresRst = false;
  /** Bytes the application still wants to send. */
  toSend = 0;
  maxSegment = 1_448;
  /** Bytes in flight allowed. */
  flight = 65_536;
  received = 0;
  resetBy: Segment | undefined;
  challenges = 0;
  readonly isn: number;
  #queued: { sequence: number; end: number }[] = [];
  #lastChallengeMs = -Infinity;
  #oldestMs = 0;
  #duplicateAcks = 0;
  #unackedSegments = 0;

  constructor(state: EndpointState, isn: number) {
    this.state = state;
    this.isn = isn;
    this.next = this.unacknowledged = isn;
  }

  get isOpen(): boolean {
    return this.state === "established" || this.state === "closeWait" || this.state === "synSent" || this.state === "synReceived";
  }

  /** Two ends of a connection that is established already. */
  static pair(clientIsn: number, serverIsn: number): [client: LinuxEndpoint, server: LinuxEndpoint] {
    const client = new LinuxEndpoint("established", clientIsn);
    const server = new LinuxEndpoint("established", serverIsn);
    client.next = client.unacknowledged = server.expects = server.told = add(clientIsn, 1);
    server.next = server.unacknowledged = client.expects = client.told = add(serverIsn, 1);
    return [client, server];
  }

  connect(): Segment {
    this.state = "synSent";
    this.next = add(this.isn, 1);
    return { sequence: this.isn, acknowledgement: 0, flags: Syn, length: 0 };
  }

  /** What it sends by itself now: new data, or one lost segment again. */
  poll(nowMs: number): Segment[] {
    if (this.state === "synSent" && nowMs - this.#oldestMs >= 1_000) {
      this.#oldestMs = nowMs;
      return [{ sequence: this.isn, acknowledgement: 0, flags: Syn, length: 0 }];
    }
    if (this.state !== "established" && this.state !== "closeWait") return [];
    const out: Segment[] = [];
    const inFlight = distance(this.next, this.unacknowledged);
    if (inFlight > 0 && (nowMs - this.#oldestMs >= RETRANSMIT_MS || this.#duplicateAcks >= 3)) {
      this.#oldestMs = nowMs;
      this.#duplicateAcks = 0;
      out.push(this.#data(this.unacknowledged, Math.min(inFlight, this.maxSegment)));
    }
    while (this.toSend > 0 && distance(this.next, this.unacknowledged) < this.flight) {
      const length = Math.min(this.toSend, this.maxSegment);
      if (distance(this.next, this.unacknowledged) === 0) this.#oldestMs = nowMs;
      out.push(this.#data(this.next, length));
      this.next = add(this.next, length);
      this.toSend -= length;
    }
    return out;
  }

  receive(segment: Segment, nowMs: number): Segment[] {
    switch (this.state) {
      case "closed": return this.#nobodyHere(segment);
      case "listen": return this.#onListen(segment);
      case "synSent": return this.#onSynSent(segment);
      default: return this.#onSynchronised(segment, nowMs);
    }
  }

  /** tcp_v4_send_reset. */
  #nobodyHere(segment: Segment): Segment[] {
    if ((segment.flags & Rst) !== 0) return [];
    if ((segment.flags & Ack) !== 0) return [{ sequence: segment.acknowledgement, acknowledgement: 0, flags: Rst, length: 0 }];
    const end = add(segment.sequence, segment.length + ((segment.flags & (Syn | Fin)) !== 0 ? 1 : 0));
    return [{ sequence: 0, acknowledgement: end, flags: Rst | Ack, length: 0 }];
  }

  #onListen(segment: Segment): Segment[] {
    if ((segment.flags & Rst) !== 0) return [];
    if ((segment.flags & (Syn | Ack)) !== Syn) return this.#nobodyHere(segment);
    this.state = "synReceived";
    this.expects = this.told = add(segment.sequence, 1);
    this.next = add(this.isn, 1);
    return [{ sequence: this.isn, acknowledgement: this.expects, flags: Syn | Ack, length: 0 }];
  }

  /** tcp_rcv_synsent_state_process: a RST counts only with an ACK of our SYN. */
  #onSynSent(segment: Segment): Segment[] {
    const acks = (segment.flags & Ack) !== 0;
    if (acks && segment.acknowledgement !== add(this.isn, 1)) {
      return (segment.flags & Rst) !== 0 ? [] : [{ sequence: segment.acknowledgement, acknowledgement: 0, flags: Rst, length: 0 }];
    }
    if ((segment.flags & Rst) !== 0) return acks ? this.#reset(segment) : [];
    if ((segment.flags & (Syn | Ack)) !== (Syn | Ack)) return [];
    this.state = "established";
    this.unacknowledged = segment.acknowledgement;
    this.expects = this.told = add(segment.sequence, 1);
    return [this.#ack()];
  }

  #onSynchronised(segment: Segment, nowMs: number): Segment[] {
    const { sequence, flags } = segment;
    const end = add(sequence, segment.length + ((flags & Fin) !== 0 ? 1 : 0));
    // A retransmitted SYN of the same connection in SYN_RECV is answered by the SYN-ACK again.
    if (this.state === "synReceived" && (flags & (Syn | Ack)) === Syn && add(sequence, 1) === this.expects) {
      return [{ sequence: this.isn, acknowledgement: this.expects, flags: Syn | Ack, length: 0 }];
    }
    // tcp_sequence(): the lower edge is rcv_wup, not rcv_nxt.
    const outside = before(end, this.told) || after(sequence, add(this.expects, this.window));
    if (outside) {
      // tcp_reset_check() comes before the drop: one below after a FIN (macOS) is taken.
      if ((flags & Rst) !== 0) return this.state === "closeWait" && sequence === add(this.expects, -1) ? this.#reset(segment) : [];
      if ((flags & Syn) !== 0) return this.#challenge(nowMs);
      return segment.length > 0 ? [this.#ack()] : this.#challenge(nowMs);
    }
    if ((flags & Rst) !== 0) return this.#onRst(segment, nowMs);
    if ((flags & Syn) !== 0) return this.#challenge(nowMs);
    if ((flags & Ack) === 0) return [];
    if (this.state === "synReceived") this.state = "established";
    return this.#onAckAndData(segment, end, nowMs);
  }

  #onRst(segment: Segment, nowMs: number): Segment[] {
    const { sequence } = segment;
    if (this.ignoresRst) return [];
    if (sequence === this.expects) return this.#reset(segment);
    if (this.sack && this.#queued.length > 0 && sequence === this.#rightEdge()) return this.#reset(segment);
    return this.#challenge(nowMs);
  }

  #onAckAndData(segment: Segment, end: number, nowMs: number): Segment[] {
    const advanced = distance(segment.acknowledgement, this.unacknowledged);
    if (after(segment.acknowledgement, this.next)) return this.#challenge(nowMs);
    if (advanced > 0) {
      this.unacknowledged = segment.acknowledgement;
      this.#oldestMs = nowMs;
      this.#duplicateAcks = 0;
    } else if (advanced === 0 && segment.length === 0 && distance(this.next, this.unacknowledged) > 0) {
      this.#duplicateAcks++;
    }
    if (end === segment.sequence) return [];
    if (!after(end, this.expects)) return [this.#ack()];
    if (after(segment.sequence, this.expects)) {
      this.#queued.push({ sequence: segment.sequence, end });
      return [this.#ack()];
    }
    this.#take(end);
    if ((segment.flags & Fin) !== 0) this.state = "closeWait";
    this.#unackedSegments++;
    // Delayed ACK: every second segment.
    return this.#unackedSegments >= 2 || this.#queued.length > 0 || (segment.flags & Fin) !== 0 ? [this.#ack()] : [];
  }

  #take(end: number): void {
    this.received += distance(end, this.expects);
    this.expects = end;
    for (let found = true; found;) {
      found = false;
      for (const part of this.#queued) {
        if (after(part.sequence, this.expects) || !after(part.end, this.expects)) continue;
        this.received += distance(part.end, this.expects);
        this.expects = part.end;
        found = true;
      }
    }
    this.#queued = this.#queued.filter((part) => after(part.end, this.expects));
  }

  #rightEdge(): number {
    return this.#queued.reduce((edge, part) => (after(part.end, edge) ? part.end : edge), this.expects);
  }

  #reset(segment: Segment): Segment[] {
    if (this.ignoresRst) return [];
    this.state = "closed";
    this.resetBy = segment;
    return [];
  }

  #challenge(nowMs: number): Segment[] {
    if (nowMs - this.#lastChallengeMs < GATE_MS) return [];
    this.#lastChallengeMs = nowMs;
    this.challenges++;
    return [this.#ack()];
  }

  #ack(): Segment {
    this.told = this.expects;
    this.#unackedSegments = 0;
    return { sequence: this.next, acknowledgement: this.expects, flags: Ack, length: 0 };
  }

  #data(sequence: number, length: number): Segment {
    this.told = this.expects;
    this.#unackedSegments = 0;
    return { sequence, acknowledgement: this.expects, flags: Ack, length };
  }
}
