/**
 * One packet from capture to reset: read this first.
 *
 * `step()` is synchronous and allocates nothing on its way. What it wants to send stands in `outbox` when it returns;
 * whoever drives the pipeline sends that at once and then calls `settle()`, which tells the recorder. Time comes with
 * the packets, so a replay takes the same way as live traffic.
 */
import { Decider, mayHold, Verdict } from "./decide/mod.ts";
import type { Claims, CompiledPolicy, Decision } from "./decide/mod.ts";
import { DecodeContext, DecodeReason, decode, Packet, Protocol } from "./decode/mod.ts";
import type { DecodeOptions, Frame } from "./decode/mod.ts";
import { Detector, DetectPhase, MAX_FINDINGS } from "./detect/mod.ts";
import { FlowEvent, FlowFlag, FlowState, FlowTable, FlowTracker, NO_HOMES } from "./flow/mod.ts";
import type { FlowLimits, Homes } from "./flow/mod.ts";
import { FlowTally, TALLIED } from "./flowTally.ts";
import { Injector, KillRequest, OutcomeReason, Outbox } from "./inject/mod.ts";
import type { InjectLimits, InjectRoute, OutcomeRecord } from "./inject/mod.ts";
import { killTargetOf } from "./killTarget.ts";

/** Who is told what was decided and what became of it. Arguments are reused: valid during the call only. */
export interface Recorder {
  /** After everything that the decision caused has been sent; `nowMs` is that moment. */
  onDecision(decision: Decision, interfaceIndex: number, packetMs: number, nowMs: number): void;
  onOutcome(record: OutcomeRecord): void;
  /** It has become known whose a new pod's connection is, so long after its first packet. */
  onIdentified?(gapMs: number): void;
}

export interface PipelineOptions {
  readonly compiled: CompiledPolicy;
  /** One shared word: not 0 while nothing may be injected. */
  readonly stop: Int32Array;
  readonly tableCapacity: number;
  /** Of hash functions: random for live traffic, fixed for a replay. */
  readonly seed: number;
  /** Two words: the key of the mark on what we forge. */
  readonly markKey: ArrayLike<number>;
  readonly recorder: Recorder;
  readonly decode?: DecodeOptions;
  readonly homes?: Homes;
  /** Where other Workers may see the same connections. */
  readonly claims?: Claims;
  /** What the Workers may spend together: see DeciderOptions. */
  readonly budgets?: SharedArrayBuffer | undefined;
  readonly route?: InjectRoute;
  readonly flowLimits?: Partial<FlowLimits>;
  readonly injectLimits?: Partial<InjectLimits>;
  /** Number under which a policy (an index of `compiled`) is known outside, also after the next swap. */
  readonly labelOf: (policy: number) => number;
}

/** Packets of these events change nothing, so nothing is looked for in them. */
const NOTHING_NEW = FlowEvent.Copy | FlowEvent.Spoofed | FlowEvent.OutOfWindow;
/** After these a rule may fit that did not. */
const STEPS = FlowEvent.SynSeen | FlowEvent.Established | FlowEvent.Created | FlowEvent.TwinMet | FlowEvent.Placed | FlowEvent.SynAckSeen;
/** After these it may be known whose a side is that was not. */
const PLACED = FlowEvent.Created | FlowEvent.Placed;
/** A look at silent flows every so long, and at so many of them at most. */
const EXPIRE_PAUSE_MS = 50;
const EXPIRE_BUDGET = 1_000;
/** Connections that a new policy looks at in one turn: as many as there is room for findings. */
const REVISIT_BUDGET = 256;

export class Pipeline {
  readonly packet = new Packet();
  readonly context: DecodeContext;
  readonly table: FlowTable;
  readonly tracker: FlowTracker;
  readonly detector: Detector;
  readonly decider: Decider;
  readonly outbox = new Outbox();
  readonly injector: Injector;
  readonly tally = new FlowTally();
  readonly homes: Homes;
  /** Packets stepped, and those that carried our mark. */
  packets = 0;
  ownPackets = 0;
  readonly #recorder: Recorder;
  readonly #labelOf: (policy: number) => number;
  readonly #request = new KillRequest();
  /** Decisions of the step under way that the recorder has not heard of. */
  #undisclosed = 0;
  /** When that was: the stamp of the packet that was the reason. */
  #decidedMs = 0;
  /** Where that packet was seen; 0 where no packet was the reason. */
  #interfaceIndex = 0;
  #expiredMs = 0;
  #revisiting = false;

  constructor(options: PipelineOptions) {
    const { compiled, stop, seed, recorder } = options;
    this.homes = options.homes ?? NO_HOMES;
    this.context = new DecodeContext(options.decode);
    this.table = new FlowTable({ capacity: options.tableCapacity, seed });
    this.detector = new Detector(this.table, compiled.detection);
    this.tracker = new FlowTracker({
      table: this.table,
      stream: this.detector,
      onEvict: (slot) => {
        this.injector.onEvict(slot);
        this.detector.onEvict(slot);
        this.decider.onEvict(slot);
      },
      ...(options.homes === undefined ? {} : { homes: options.homes }),
      ...(options.flowLimits === undefined ? {} : { limits: options.flowLimits }),
    });
    this.decider = new Decider({ flows: this.table, compiled, stop, seed: seed ^ 0x5bd1e995, claims: options.claims, budgets: options.budgets });
    this.injector = new Injector({
      table: this.table,
      outbox: this.outbox,
      markKey: options.markKey,
      onOutcome: (record) => this.#onOutcome(record),
      ...(options.homes === undefined ? {} : { interfaces: options.homes }),
      ...(options.route === undefined ? {} : { route: options.route }),
      ...(options.injectLimits === undefined ? {} : { limits: options.injectLimits }),
    });
    this.#recorder = recorder;
    this.#labelOf = options.labelOf;
  }

  /** Takes one frame; returns how many packets wait in the outbox. */
  step(frame: Frame): number {
    const { packet } = this;
    this.packets++;
    let reason = decode(frame, packet, this.context);
    if (frame.rest !== null && this.#wantsRest(reason)) {
      this.context.reasons[reason]--;
      frame.rest.fetch(frame);
      reason = decode(frame, packet, this.context);
    }
    if (reason !== DecodeReason.Ok) return this.outbox.count;
    if (packet.protocol !== Protocol.Tcp) {
      if (packet.protocol !== Protocol.Udp) this.#onUnreachable();
      return this.outbox.count;
    }
    if (this.injector.mark.isOwn(packet)) {
      this.ownPackets++;
      this.injector.onOwn(packet, packet.timestampMs);
      return this.outbox.count;
    }
    const slot = this.tracker.update(packet);
    const { event } = this.tracker;
    if ((event & TALLIED) !== 0) this.tally.add(event);
    // Asked here: as an argument of a call V8 would put the time on the heap, for every packet.
    if (this.injector.isConcernedBy(packet)) this.injector.onPacket(packet, slot, this.tracker.side, event, packet.timestampMs);
    if (slot >= 0) {
      if ((event & NOTHING_NEW) === 0) this.#inspect(slot, event);
      else if ((event & FlowEvent.Placed) !== 0) this.#place(slot);
    }
    return this.outbox.count;
  }

  /** Does what time asks for; returns when to call again (Infinity: only after the next packet). */
  tick(nowMs: number): number {
    if (nowMs - this.#expiredMs >= EXPIRE_PAUSE_MS) {
      this.#expiredMs = nowMs;
      this.tracker.expire(nowMs, EXPIRE_BUDGET);
    }
    this.detector.steps.refill(nowMs);
    if (this.#revisiting) this.#revisit(nowMs);
    else if (this.injector.enabled) this.#lookAnew(nowMs);
    if (this.detector.owners.count > 0) this.#tellIdentified(nowMs);
    const nextMs = this.injector.tick(nowMs);
    return this.#revisiting || (this.injector.enabled && this.decider.isReleasing) ? nowMs : nextMs;
  }

  /**
   * After the outbox was sent: what the kernel refused goes out another way (returned: how many wait now), and the
   * recorder hears of this step.
   */
  settle(nowMs: number): number {
    const again = this.injector.afterSend(nowMs);
    for (let i = 0; i < this.#undisclosed; i++) {
      this.#recorder.onDecision(this.decider.decisions[i]!, this.#interfaceIndex, this.#decidedMs, nowMs);
    }
    this.#undisclosed = 0;
    return again;
  }

  /** True where `settle()` has something to do though nothing was sent. */
  get hasUndisclosed(): boolean {
    return this.#undisclosed > 0;
  }

  /** Takes a new policy; connections and what was seen of them stay, and what is held by policies that still hold, at interfaces that are still there. */
  swap(compiled: CompiledPolicy): void {
    this.detector.swap(compiled.detection);
    this.decider.swap(compiled);
    if (this.injector.holds.count > 0) this.#releaseHolds(compiled);
    this.#revisiting = true;
  }

  #releaseHolds(compiled: CompiledPolicy): void {
    const holding = new Set<number>();
    for (let policy = 0; policy < compiled.policyCount; policy++) if (mayHold(compiled, policy)) holding.add(this.#labelOf(policy));
    const { holds } = this.injector;
    holds.releasePolicies((label) => holding.has(label));
    const { owners } = compiled.detection;
    const present = new Set([...owners.podInterfaces, ...owners.otherInterfaces, ...owners.interfaces]);
    holds.releaseInterfaces((interfaceIndex) => present.has(interfaceIndex));
  }

  /** New rules look at the connections that are there already, a few a turn. */
  #revisit(nowMs: number): void {
    this.#revisiting = this.detector.revisit(REVISIT_BUDGET);
    this.#decide(nowMs, 0);
  }

  /** What was held back is decided again where nothing may hold it back any more, a few a turn. */
  #lookAnew(nowMs: number): void {
    const { detector, decider } = this;
    for (let looks = 0; looks < REVISIT_BUDGET && detector.count <= MAX_FINDINGS / 2; looks++) {
      const slot = decider.nextHeld(nowMs);
      if (slot < 0) break;
      const state = this.table.state(slot);
      if (state !== FlowState.Free && state !== FlowState.Closed) detector.again(slot);
    }
    if (detector.count > 0) this.#decide(nowMs, 0);
  }

  #onOutcome(record: OutcomeRecord): void {
    // A FlowReset has been told that it was stopped, and who made it decides; a policy goes on when the stop ends.
    if (record.reason === OutcomeReason.Stopped && record.origin < 0 && record.slot >= 0) this.decider.onKillStopped(record.slot);
    this.#recorder.onOutcome(record);
  }

  #tellIdentified(nowMs: number): void {
    const { owners } = this.detector;
    for (let i = 0; i < owners.count; i++) this.#recorder.onIdentified?.(nowMs - this.table.createdMs(owners.identified[i]!));
    owners.count = 0;
  }

  /** False for a copy, and where no signature can match the side any more: the numbers are in the headers. */
  #wantsRest(reason: number): boolean {
    const { table, packet } = this;
    if (reason !== DecodeReason.Ok) return reason === DecodeReason.FragmentCutShort;
    if (packet.protocol !== Protocol.Tcp) return false;
    const slot = table.find(
      packet.source0, packet.source1, packet.source2, packet.source3,
      packet.destination0, packet.destination1, packet.destination2, packet.destination3,
      packet.sourcePort, packet.destinationPort,
    );
    if (slot < 0) return true;
    const side = table.foundSide;
    const tap = table.tap(slot, side);
    return (tap === 0 || tap === packet.interfaceIndex) && table.hasFlag(slot, FlowFlag.Inspect0 << side);
  }

  /** An ICMP error: whoever opens a connection hears that there will be none. */
  #onUnreachable(): void {
    this.tracker.onUnreachable(this.packet);
    this.tally.add(this.tracker.event);
  }

  #inspect(slot: number, event: number): void {
    const { detector, decider, packet } = this;
    // Read here: as an argument V8 would put it on the heap, for every packet.
    const nowMs = packet.timestampMs;
    if ((event & STEPS) !== 0 && !this.#lookAtFlow(slot, event, nowMs)) return;
    if (detector.count > 0) {
      this.#decide(nowMs, packet.interfaceIndex);
    } else if (decider.waiting.count > 0 && decider.retry(slot, nowMs)) {
      this.#undisclosed = 1;
      this.#interfaceIndex = packet.interfaceIndex;
      this.#act(decider.decision, nowMs);
    }
  }

  /** A packet that changes nothing has shown where its side is. */
  #place(slot: number): void {
    // Read here: as an argument V8 would put it on the heap.
    const nowMs = this.packet.timestampMs;
    this.detector.onPlace(slot);
    if (this.detector.count > 0) this.#decide(nowMs, this.packet.interfaceIndex);
  }

  /** A flow has come a step further: its header is judged. False where a hold refuses it. */
  #lookAtFlow(slot: number, event: number, nowMs: number): boolean {
    const { detector, packet } = this;
    if (this.injector.isHolding && this.#isHeld(slot, event, nowMs)) return false;
    if ((event & FlowEvent.TwinMet) !== 0) detector.onTwin(slot);
    if ((event & PLACED) !== 0) detector.onPlace(slot);
    if ((event & FlowEvent.SynSeen) !== 0) detector.onFlow(slot, DetectPhase.Handshake, packet.interfaceIndex);
    // A flow that was first seen in the middle is established when it is made.
    if ((event & (FlowEvent.Established | FlowEvent.Created)) !== 0 && this.table.state(slot) >= FlowState.Established) {
      detector.onFlow(slot, DetectPhase.Established, packet.interfaceIndex);
    }
    return true;
  }

  /** A hold is older than the packet: what is protected by now is spared. */
  #isHeld(slot: number, event: number, nowMs: number): boolean {
    const { injector, packet } = this;
    const isOpening = (event & (FlowEvent.SynSeen | FlowEvent.SynAckSeen)) !== 0;
    if (!isOpening || this.decider.isProtected(slot)) return false;
    if ((event & FlowEvent.SynSeen) !== 0 && injector.onSyn(packet, slot, nowMs)) return true;
    return (event & FlowEvent.SynAckSeen) !== 0 && injector.onSynAck(packet, slot, nowMs);
  }

  #decide(nowMs: number, interfaceIndex: number): void {
    const { detector, decider } = this;
    this.#interfaceIndex = interfaceIndex;
    this.#undisclosed = decider.decideAll(detector.findings, detector.count, nowMs);
    detector.count = 0;
    for (let i = 0; i < this.#undisclosed; i++) this.#act(decider.decisions[i]!, nowMs);
  }

  #act(decision: Decision, nowMs: number): void {
    this.#decidedMs = nowMs;
    const { verdict } = decision;
    if (verdict !== Verdict.Reset && verdict !== Verdict.Refuse) return;
    const request = this.#request;
    request.slot = decision.slot;
    request.side = decision.side;
    request.target = killTargetOf(decision.target);
    request.refuse = verdict === Verdict.Refuse;
    request.rstBudget = decision.rstPackets;
    request.delayMs = decision.delayMs;
    request.detectedMs = nowMs;
    request.policy = this.#labelOf(decision.policy);
    request.rule = decision.rule;
    this.injector.start(request, nowMs);
    if (decision.holdMs > 0) this.injector.holdFlow(decision.holdSlot, nowMs + decision.holdMs, request.policy, nowMs, decision.holdInterface);
  }
}
