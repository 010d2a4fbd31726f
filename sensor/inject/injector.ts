/**
 * The door's one object: takes requests, finds the kill that a packet belongs to, and keeps holds. It writes packets
 * into the outbox and nothing else; time comes as an argument.
 */
import type { Packet } from "../decode/mod.ts";
import { TcpFlag } from "../decode/mod.ts";
import { FlowEvent, FlowFlag, FlowState, NO_HOMES } from "../flow/mod.ts";
import type { FlowTable, Homes } from "../flow/mod.ts";
import { Chase } from "./chase.ts";
import { Confirm } from "./confirm.ts";
import { InjectCounters } from "./counters.ts";
import { Deadlines } from "./deadlines.ts";
import { Deliveries } from "./delivery.ts";
import { Engine } from "./engine.ts";
import { Forge } from "./forge.ts";
import { fillHoldKey, HoldTable, NOT_HELD } from "./holds.ts";
import type { HoldKey } from "./holds.ts";
import { Kill, KillPhase } from "./kill.ts";
import type { End } from "./kill.ts";
import { KillPool, isFromClient, isOnItsWay } from "./killPool.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { InjectLimits } from "./limits.ts";
import { Mark } from "./mark.ts";
import { MptcpConnections } from "./mptcp.ts";
import { mayBelong } from "./numbers.ts";
import { Opening, knowsEnough, widen } from "./opening.ts";
import { OtherSensors } from "./otherSensors.ts";
import type { Outbox } from "./outbox.ts";
import { Outcome, OutcomeReason } from "./outcome.ts";
import type { OutcomeRecord } from "./outcome.ts";
import { KillRequest, StartResult } from "./request.ts";
import type { UnseenTuple } from "./request.ts";
import type { InjectRoute } from "./route.ts";
import { SendResults } from "./sendResults.ts";

export interface InjectorOptions {
  readonly table: FlowTable;
  readonly outbox: Outbox;
  /** Two 32-bit words, the same on every sensor of a fleet, unknown to everybody else. */
  readonly markKey: ArrayLike<number>;
  readonly limits?: Partial<InjectLimits>;
  /** What each interface is; without it every interface where an end's packets come in counts as its own. */
  readonly interfaces?: Pick<Homes, "kindOf">;
  readonly route?: InjectRoute;
  /** The record is reused. */
  readonly onOutcome: (record: OutcomeRecord) => void;
}

/** Events of packets that say nothing about the connection, unless they are RSTs from the end's own interface. */
const NO_EVIDENCE = FlowEvent.Copy | FlowEvent.Spoofed | FlowEvent.OutOfWindow;

export class Injector {
  readonly counters = new InjectCounters();
  readonly limits: InjectLimits;
  readonly mark: Mark;
  readonly holds: HoldTable;
  readonly #table: FlowTable;
  readonly #outbox: Outbox;
  readonly #pool: KillPool;
  readonly #deadlines: Deadlines;
  readonly #opening: Opening;
  readonly #deliveries: Deliveries;
  readonly #forge: Forge;
  readonly #engine: Engine;
  readonly #sendResults: SendResults;
  readonly #others = new OtherSensors();
  readonly #mptcp: MptcpConnections;
  /** For what a hold or a condemned Multipath TCP connection refuses. */
  readonly #ownRequest = new KillRequest();
  /** Describes a request for which there is no kill left. */
  readonly #refused = new Kill(-1);
  readonly #holdKey: HoldKey = new Int32Array(9);
  #enabled = true;

  constructor(options: InjectorOptions) {
    const { table, outbox, onOutcome } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.limits = limits;
    this.#table = table;
    this.#outbox = outbox;
    this.mark = new Mark(options.markKey);
    this.holds = new HoldTable(limits.holds, limits.refusalsPerHold, this.mark.unguessable(0, 0, 0));
    this.#pool = new KillPool(table, limits.kills, limits.unattachedKills);
    this.#deadlines = new Deadlines(limits.kills);
    this.#mptcp = new MptcpConnections(table, limits.mptcpConnections);
    this.#deliveries = new Deliveries(table, options.interfaces ?? NO_HOMES, options.route ?? "near");
    this.#opening = new Opening(table, this.#pool, this.#deliveries, limits);
    this.#forge = new Forge(outbox, this.mark, this.counters);
    const chase = new Chase(this.#forge, limits.sackEdgeAfterRsts);
    const confirm = new Confirm(this.#forge, limits);
    this.#engine = new Engine({ table, limits, pool: this.#pool, deadlines: this.#deadlines, forge: this.#forge, chase, confirm, counters: this.counters, onOutcome });
    this.#sendResults = new SendResults(outbox, this.#pool, this.#forge, this.#engine, this.counters);
  }

  /** Kills at work or under watch. */
  get active(): number {
    return this.#pool.active;
  }

  /** Kills without a flow record. */
  get unattached(): number {
    return this.#pool.unattachedCount;
  }

  /** False after `stop()`. */
  get enabled(): boolean {
    return this.#enabled;
  }

  /** StartResult. Whatever comes of it is told by `onOutcome`, at once where it fails. */
  start(request: KillRequest, nowMs: number): number {
    const { slot } = request;
    if (slot < 0 || this.#table.state(slot) === FlowState.Free) return StartResult.Failed;
    const working = this.#ofSlot(slot);
    if (working !== undefined) return this.#join(working, request, nowMs);
    const kill = this.#pool.acquire();
    if (kill === undefined) {
      this.#opening.request(this.#refused, request, nowMs);
      this.#opening.tuple(this.#refused, slot);
      return this.#refuseKill(nowMs);
    }
    this.counters.started++;
    this.#opening.request(kill, request, nowMs);
    this.#opening.record(kill, request);
    const result = this.#go(kill, request, nowMs);
    if (result === StartResult.Started && this.#table.hasFlag(slot, FlowFlag.Mptcp)) this.#killSiblings(request, nowMs);
    return result;
  }

  /** A connection that was never seen, for a FlowReset only: both ends are asked by the SYN oracle. StartResult. */
  startUnseen(tuple: UnseenTuple, request: KillRequest, nowMs: number): number {
    const address = tuple.address;
    const slot = this.#table.find(address[0], address[1], address[2], address[3], address[4], address[5], address[6], address[7], tuple.clientPort, tuple.serverPort);
    if (slot >= 0) {
      request.slot = slot;
      return this.start(request, nowMs);
    }
    const acquired = this.#pool.hasRoomForUnattached ? this.#pool.acquire() : undefined;
    const kill = acquired ?? this.#refused;
    this.#opening.request(kill, request, nowMs);
    this.#opening.unseen(kill, tuple);
    if (acquired === undefined) return this.#refuseKill(nowMs);
    this.counters.started++;
    this.#pool.remember(kill);
    return this.#go(kill, request, nowMs);
  }

  /** Refuses new connections of that client to that server and port until the deadline. False when full: counted. */
  hold(key: HoldKey, untilMs: number, policy: number, nowMs: number, interfaceIndex = 0, owner = 0): boolean {
    return this.holds.add(key, untilMs, policy, nowMs, interfaceIndex, owner);
  }

  /** Holds whoever the flow's client is; `interfaceIndex` and `owner` as in HoldTable. */
  holdFlow(slot: number, untilMs: number, policy: number, nowMs: number, interfaceIndex = 0, owner = 0): boolean {
    this.#fillHoldKey(slot);
    return this.holds.add(this.#holdKey, untilMs, policy, nowMs, interfaceIndex, owner);
  }

  /** False where no hold can be: then neither onSyn() nor onSynAck() has anything to do. */
  get isHolding(): boolean {
    return this.#enabled && this.holds.count > 0;
  }

  /** A SYN-ACK of the flow: where the server's interface is the held one, only this shows it. As onSyn(). */
  onSynAck(packet: Packet, slot: number, nowMs: number): boolean {
    if (!this.isHolding || slot < 0 || this.#ofSlot(slot) !== undefined) return false;
    this.#fillHoldKey(slot);
    const policy = this.holds.isAt(this.#holdKey, packet.interfaceIndex) ? this.holds.refuse(this.#holdKey, nowMs, packet.interfaceIndex) : NOT_HELD;
    if (policy === NOT_HELD) return false;
    this.counters.heldSyns++;
    this.#startByHold(packet, slot, policy, nowMs);
    return true;
  }

  #fillHoldKey(slot: number): void {
    for (let word = 0; word < 8; word++) this.#holdKey[word] = this.#table.addressWord(slot, word >> 2, word & 3);
    this.#holdKey[8] = this.#table.port(slot, 1);
  }

  /** A SYN (no ACK) of the flow: true where a hold refuses it; the refusal is on its way. */
  onSyn(packet: Packet, slot: number, nowMs: number): boolean {
    if (!this.isHolding || slot < 0 || (packet.flags & (TcpFlag.Syn | TcpFlag.Ack)) !== TcpFlag.Syn) return false;
    const working = this.#ofSlot(slot);
    if (working !== undefined && working.client.isnKnown && working.client.isn === packet.sequence) return working.byHold;
    fillHoldKey(this.#holdKey, packet);
    const policy = this.holds.refuse(this.#holdKey, nowMs, packet.interfaceIndex);
    if (policy === NOT_HELD) return false;
    this.counters.heldSyns++;
    if (working !== undefined) {
      // From the port of a connection that is dying: the record is still that one's, so no kill can follow this SYN.
      this.#forge.refuseSyn(working, packet.sequence);
      return true;
    }
    this.#startByHold(packet, slot, policy, nowMs);
    return true;
  }

  #startByHold(packet: Packet, slot: number, policy: number, nowMs: number): void {
    const request = this.#ownRequest;
    request.slot = slot;
    request.refuse = true;
    request.policy = policy;
    request.rule = request.origin = -1;
    request.detectedMs = packet.timestampMs;
    if (this.start(request, nowMs) !== StartResult.Started) return;
    const kill = this.#pool.ofSlot(slot);
    if (kill !== undefined) kill.byHold = true;
  }

  /** False where `onPacket` would do nothing: no kill is at work, and the packet is of no Multipath TCP connection. */
  isConcernedBy({ mptcpSubtype }: Packet): boolean {
    return this.#pool.active > 0 || mptcpSubtype >= 0;
  }

  /** Every packet of every flow, after `FlowTracker.update`: cheap where nothing is being killed. */
  onPacket(packet: Packet, slot: number, side: number, event: number, nowMs: number): void {
    if (packet.mptcpSubtype >= 0) this.#onMptcp(packet, slot, nowMs);
    if (this.#pool.active === 0) return;
    let kill = this.#ofSlot(slot);
    let from: End;
    if (kill !== undefined) {
      from = kill.end(slot === kill.slot ? side : side ^ kill.twinFlip);
    } else {
      kill = this.#pool.ofTuple(packet);
      if (kill === undefined) return;
      from = isFromClient(kill, packet) ? kill.client : kill.server;
      if ((event & FlowEvent.NewConnection) !== 0 && !this.#engine.onNewConnection(kill, event, nowMs)) return;
      if (slot >= 0 && kill.twin < 0 && mayBelong(kill, from, packet)) this.#learnTwin(kill, slot, side ^ from.side);
    }
    const counts = (event & NO_EVIDENCE) === 0;
    if (counts && kill.slot >= 0) this.#deliveries.keepUp(kill);
    const isRst = (packet.flags & TcpFlag.Rst) !== 0;
    const passes = isRst && event === FlowEvent.Copy && isOnItsWay(packet, from, kill.peerOf(from));
    if (!counts && !passes && !(isRst && packet.interfaceIndex === from.nearInterface)) return;
    this.#engine.onPacket(kill, from, packet, counts || passes, nowMs);
  }

  /** A packet with the mark, instead of `onPacket`: our own on its way, or another sensor's, which then goes first. */
  onOwn(packet: Packet, nowMs: number): void {
    if ((packet.flags & TcpFlag.Rst) === 0 || this.#forge.isRemembered(packet.sequence)) {
      this.counters.ownSeen++;
      return;
    }
    this.counters.foreignSeen++;
    this.#others.note(packet.sequence, nowMs);
    const slot = this.#table.find(
      packet.source0, packet.source1, packet.source2, packet.source3,
      packet.destination0, packet.destination1, packet.destination2, packet.destination3, packet.sourcePort, packet.destinationPort,
    );
    const kill = this.#ofSlot(slot) ?? this.#pool.ofTuple(packet);
    // Once a kill: whoever has caught a marked RST can send it again and again.
    if (kill === undefined || kill.phase === KillPhase.Watching || kill.othersActed) return;
    kill.othersActed = true;
    kill.silentUntilMs = nowMs + this.limits.otherSensorMs;
  }

  /**
   * What the clock shows, from whoever has just looked (`tick` and `afterSend` tell it too). Packets captured well
   * before are a backlog: they tell numbers, and the RST leaves with the freshest of them at the end of the batch,
   * not one for each of the past.
   */
  wake(nowMs: number): void {
    this.#engine.clockMs = nowMs;
  }

  /** Does what is due; returns when to call again, `Infinity` where nothing waits. */
  tick(nowMs: number): number {
    this.#engine.clockMs = nowMs;
    for (let index = this.#deadlines.take(nowMs); index >= 0; index = this.#deadlines.take(nowMs)) {
      this.#engine.step(this.#pool.at(index), nowMs);
    }
    return this.#deadlines.nextMs();
  }

  /** The flow record is about to go: called from within the table's eviction. */
  onEvict(slot: number): void {
    const kill = this.#pool.ofSlot(slot);
    if (kill !== undefined) this.#engine.onEvict(kill, slot);
  }

  /**
   * After the outbox was sent (`nowMs`: the clock then) and before it is used again: empties it, and puts in it once
   * more what the kernel refused, by the other way. Returns how many packets wait to be sent now.
   */
  afterSend(nowMs: number): number {
    this.#engine.clockMs = nowMs;
    return this.#sendResults.take(nowMs);
  }

  /** The emergency stop: every kill ends as Failed (Stopped), nothing is sent until `resume()`. */
  stop(nowMs: number): void {
    this.#enabled = false;
    this.#pool.forEach((kill) => this.#engine.abandon(kill, Outcome.Failed, OutcomeReason.Stopped, nowMs));
    this.#outbox.clear();
  }

  resume(): void {
    this.#enabled = true;
  }

  /** Raw packets leave by another interface from now on. */
  setRoute(route: InjectRoute): void {
    this.#deliveries.use(route);
    this.#pool.forEach((kill) => this.#deliveries.resolveAgain(kill));
  }

  /** The kill on this record, or on its other tuple, which is taken along when it is first met. */
  #ofSlot(slot: number): Kill | undefined {
    if (slot < 0) return undefined;
    const kill = this.#pool.ofSlot(slot);
    if (kill !== undefined) return kill;
    const twin = this.#table.twin(slot);
    const other = twin < 0 ? undefined : this.#pool.ofSlot(twin);
    if (other === undefined || other.slot !== twin || other.twin >= 0) return undefined;
    this.#opening.twin(other, slot);
    return other;
  }

  /**
   * The connection of a kill without a record has shown itself, and under another tuple too: by that one the kernel's
   * NAT reaches an end for which its own would be a new connection. `flip`: 1 where the record's side 0 is the server.
   */
  #learnTwin(kill: Kill, slot: number, flip: number): void {
    const twin = this.#table.twin(slot);
    if (twin >= 0 && this.#pool.ofSlot(twin) === undefined) this.#opening.twinOf(kill, slot, flip, twin);
  }

  /** A kill already works on the connection: it takes the request along, or answers it where it has been decided. */
  #join(kill: Kill, request: KillRequest, nowMs: number): number {
    this.counters.joined++;
    widen(kill, request);
    if (kill.phase === KillPhase.Watching && this.#engine.isSettled(kill)) {
      if (request.tellJoined) this.#engine.tellJoined(kill, request.origin, nowMs);
      return StartResult.Joined;
    }
    const isUntold = request.tellJoined && kill.joinedOrigin >= 0;
    if (request.tellJoined && !isUntold) kill.joinedOrigin = request.origin;
    if (kill.phase === KillPhase.Watching) this.#engine.begin(kill, nowMs);
    return isUntold ? StartResult.JoinedUntold : StartResult.Joined;
  }

  /** The other subflows of the same Multipath TCP connection, and those to come. */
  #killSiblings(request: KillRequest, nowMs: number): void {
    const { slot } = request;
    const connection = this.#mptcp.of(slot);
    if (connection === undefined || connection.condemnedUntilMs > nowMs) return;
    connection.condemnedUntilMs = nowMs + this.limits.mptcpMs;
    connection.policy = request.policy;
    connection.rule = request.rule;
    connection.origin = request.origin;
    this.#mptcp.forEachSubflow(connection, (sibling) => {
      if (sibling === slot || this.#ofSlot(sibling) !== undefined) return;
      request.slot = sibling;
      this.start(request, nowMs);
    });
    request.slot = slot;
  }

  #onMptcp(packet: Packet, slot: number, nowMs: number): void {
    this.#mptcp.learn(packet, slot);
    const connection = this.#mptcp.condemnedBy(packet, nowMs);
    if (connection === undefined || slot < 0 || !this.#enabled || this.#ofSlot(slot) !== undefined) return;
    this.counters.joinsRefused++;
    const request = this.#ownRequest;
    request.slot = slot;
    request.refuse = true;
    request.policy = connection.policy;
    request.rule = connection.rule;
    request.origin = connection.origin;
    request.detectedMs = packet.timestampMs;
    this.start(request, nowMs);
  }

  /** Tells that `#refused`, which is in no pool, found no place. */
  #refuseKill(nowMs: number): number {
    this.counters.killsRefused++;
    this.#engine.tell(this.#refused, Outcome.Failed, OutcomeReason.KillLimit, nowMs);
    return StartResult.Failed;
  }

  #go(kill: Kill, request: KillRequest, nowMs: number): number {
    if (!this.#enabled) return this.#fail(kill, OutcomeReason.Stopped, nowMs);
    if (kill.slot >= 0 && this.#table.hasFlag(kill.slot, FlowFlag.Authenticated)) return this.#fail(kill, OutcomeReason.Authenticated, nowMs);
    if (!kill.mayAsk && !knowsEnough(kill)) return this.#fail(kill, OutcomeReason.NumbersUnknown, nowMs);
    const othersMs = Math.max(this.#others.lastMs(kill.client.next), this.#others.lastMs(kill.server.next));
    if (kill.client.nextKnown && nowMs - othersMs < this.limits.otherSensorMs) {
      kill.othersActed = true;
      kill.silentUntilMs = othersMs + this.limits.otherSensorMs;
    }
    if (request.delayMs > 0 || kill.silentUntilMs > nowMs) this.#engine.step(kill, nowMs);
    else this.#engine.begin(kill, nowMs);
    return StartResult.Started;
  }

  #fail(kill: Kill, reason: number, nowMs: number): number {
    this.#engine.fail(kill, reason, nowMs);
    return StartResult.Failed;
  }
}
