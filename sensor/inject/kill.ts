/**
 * One connection on its way out: what is known of each end, what was spent on it, and how far it is. Objects are
 * made when first needed and used again; `KillPool` owns them.
 */
import { SegmentSpec } from "../decode/mod.ts";
import { Proof, isDeath } from "./outcome.ts";
import { Route } from "./outbox.ts";

export const KillPhase = {
  Free: 0,
  /** Another sensor acts first, or is acting. */
  Waiting: 1,
  /** RSTs leave, probes ask, no verdict yet. */
  Chasing: 2,
  /** Confirmed: both ends were proved dead, and are watched for signs of life. */
  Watching: 3,
} as const;

/** What a RST's number is taken from. Each has its own pending slot in the outbox: a fresher number replaces it there. */
export const NumberSource = {
  /** One past the last contiguous byte that the other end sent: RCV.NXT of a Linux or Windows end. */
  PeerNext: 0,
  /** The last acknowledgement number this end sent: what BSD and macOS compare with. */
  Acknowledged: 1,
  /** End of a segment beyond a gap: the right edge of the right-most SACK block, which Linux takes too. */
  SackEdge: 2,
  /** RST|ACK to a client that is connecting. */
  Refusal: 3,
  /** Behind a byte of our own at the end of the receive window. */
  WindowEdge: 4,
} as const;

const NUMBER_SOURCES = 5;

/** How packets reach one end. */
export class Delivery {
  /** Route. */
  route: number = Route.Raw4;
  interfaceIndex = 0;
  /** Link header, addresses, ports and TTL are set once; the rest with each packet. */
  readonly spec = new SegmentSpec();
}

export class End {
  /** Side in the flow record: 0 the client. */
  readonly side: number;
  targeted = true;

  /** SND.NXT of this end: one past its last contiguous byte. */
  next = 0;
  nextKnown = false;
  /** The last acknowledgement number it sent. */
  acknowledged = 0;
  acknowledgedKnown = false;
  /** What it had acknowledged when the kill began. */
  acknowledgedBefore = 0;
  acknowledgedBeforeKnown = false;
  isn = 0;
  isnKnown = false;
  /** One past the last number that it lets its peer send; valid with `windowEdgeKnown`: SACK and its scale were seen. */
  windowEdge = 0;
  windowEdgeKnown = false;

  /** Interface where its own packets come in; 0 where it lies beyond the interfaces that are seen. */
  nearInterface = 0;
  delivery = new Delivery();
  fallback = new Delivery();
  hasFallback = false;
  /** The way was changed because the kernel refused the first: what was sent is sent again. */
  mustSendAgain = false;
  /** Every way to it was refused by the kernel. */
  unreachable = false;
  sendError = 0;

  /** Proof of death, or the latest sign of life after an exact RST; and when. */
  proof: number = Proof.None;
  provenMs = 0;

  /** When it was last heard: any packet of its own that is no RST. */
  lastHeardMs = -Infinity;

  rsts = 0;
  firstRstMs = 0;
  lastRstMs = -Infinity;
  /** Numbers last fired, by NumberSource; valid with `fired`. */
  readonly lastNumber = new Int32Array(NUMBER_SOURCES);
  readonly lastNumberMs = new Float64Array(NUMBER_SOURCES);
  /** Bit for each NumberSource that was fired. */
  fired = 0;
  /** Places of RSTs that have not left yet, and the outbox epoch they belong to. */
  readonly pending = new Int32Array(NUMBER_SOURCES);
  readonly pendingEpoch = new Int32Array(NUMBER_SOURCES);
  /** A RST was wanted while the pause between RSTs ran: it leaves at this time. */
  deferredMs = Infinity;

  probes = 0;
  lastProbeMs = -Infinity;
  /** Acknowledgement number of the last keep-alive probe: the sequence of a dead end's RST. */
  probeAcknowledgement = 0;
  probed = false;
  /** Sequence number of the last SYN oracle. */
  askedSequence = 0;
  asked = false;

  bytesBefore = 0;
  bytesAfter = 0;

  constructor(side: number) {
    this.side = side;
  }

  get dead(): boolean {
    return isDeath(this.proof);
  }

  /** Proof of death; the first one counts. */
  prove(proof: number, atMs: number): void {
    if (this.dead) return;
    this.proof = proof;
    this.provenMs = atMs;
  }

  /** What was known belongs to another connection. */
  forgetNumbers(): void {
    this.nextKnown = this.acknowledgedKnown = this.acknowledgedBeforeKnown = this.windowEdgeKnown = this.probed = false;
  }

  /** What the kernel refused leaves once more at that time. */
  sendAgainAt(atMs: number): void {
    if (!this.mustSendAgain) return;
    this.mustSendAgain = false;
    this.fired = 0;
    this.deferredMs = atMs;
  }

  reset(): void {
    this.targeted = true;
    this.next = this.acknowledged = this.isn = 0;
    this.nextKnown = this.acknowledgedKnown = this.acknowledgedBeforeKnown = this.isnKnown = false;
    this.windowEdgeKnown = false;
    this.nearInterface = 0;
    this.hasFallback = this.unreachable = this.mustSendAgain = false;
    this.sendError = 0;
    this.proof = Proof.None;
    this.provenMs = 0;
    this.rsts = this.probes = this.fired = 0;
    this.firstRstMs = 0;
    this.lastHeardMs = this.lastRstMs = this.lastProbeMs = -Infinity;
    this.deferredMs = Infinity;
    this.probed = this.asked = false;
    this.bytesBefore = this.bytesAfter = 0;
  }
}

export class Kill {
  readonly index: number;
  /** Changes with every use: (index, serial) names a kill. */
  serial = 0;
  phase: number = KillPhase.Free;

  /** Flow record, -1 where there is none (any more); its generation; its other tuple (NAT), -1 for none. */
  slot = -1;
  generation = 0;
  twin = -1;
  twinGeneration = 0;
  /** 1 where the twin's side 0 is this record's side 1. */
  twinFlip = 0;
  /** Which taps (of both sides, under both tuples) were known when the ways to the ends were found: one bit each. */
  knownTaps = 0;

  readonly client = new End(0);
  readonly server = new End(1);
  /** The tuple as the flow record has it: client, server. */
  readonly address = new Int32Array(8);
  clientPort = 0;
  serverPort = 0;
  isIpv4 = true;

  // From the request.
  target = 0;
  refuse = false;
  mayAsk = false;
  byHold = false;
  /** Another node's sensor was to act first. */
  isSecondActor = false;
  rstBudget = 0;
  policy = -1;
  rule = -1;
  origin = -1;
  /** Origin of a later request for the same connection, -1 for none. */
  joinedOrigin = -1;
  detectedMs = 0;
  mptcp = false;
  /** The end that sent the packet that was the reason: its receive number stands still, so it goes first. */
  quietSide = 0;

  startedMs = 0;
  /** When it left; until then, when it was written. */
  firstRstMs = 0;
  firstRstLeft = false;
  /** When the confirm phase ends, or the watch. */
  verdictMs = 0;
  rsts = 0;
  probes = 0;
  /** Last packet of either end. */
  lastPacketMs = 0;
  /** Probe rounds so far, and the time of the last (of the first volley before any). */
  probeRound = 0;
  probedMs = 0;
  /** When the SYN oracle is used next, `Infinity` where it is not. */
  askDueMs = Infinity;
  /** Another sensor's RST was seen: nothing is fired before. */
  silentUntilMs = 0;
  othersActed = false;

  /** The server's SYN-ACK was acknowledged, or nothing is known of it: the connection existed. */
  established = false;
  /** Side that sent a SYN with another number on this tuple, -1 for none: it opens a new, innocent connection. */
  reopenedSide = -1;
  reopenedIsn = 0;

  constructor(index: number) {
    this.index = index;
  }

  end(side: number): End {
    return side === 0 ? this.client : this.server;
  }

  /** A packet for it has left: from the first RST on the reaction is measured. */
  left(nowMs: number): void {
    if (this.firstRstLeft || this.rsts === 0) return;
    this.firstRstLeft = true;
    this.firstRstMs = nowMs;
  }

  peerOf(end: End): End {
    return end === this.client ? this.server : this.client;
  }

  reset(): void {
    this.slot = this.twin = -1;
    this.generation = this.twinGeneration = this.twinFlip = this.knownTaps = 0;
    this.client.reset();
    this.server.reset();
    this.firstRstLeft = this.refuse = this.mayAsk = this.byHold = this.isSecondActor = this.mptcp = false;
    this.firstRstMs = this.rsts = this.probes = this.probeRound = 0;
    this.askDueMs = Infinity;
    this.silentUntilMs = 0;
    this.established = false;
    this.reopenedSide = -1;
    this.joinedOrigin = -1;
    this.othersActed = false;
    this.probedMs = this.lastPacketMs = 0;
  }
}
