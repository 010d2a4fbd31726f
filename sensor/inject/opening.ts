/** Turns a request into a kill: what was asked, whom it is about, and what is known of both when it begins. */
import { isIpv4 } from "../decode/mod.ts";
import { FlowFlag, FlowState, twinFlip } from "../flow/mod.ts";
import type { FlowTable } from "../flow/mod.ts";
import type { Deliveries } from "./delivery.ts";
import type { End, Kill } from "./kill.ts";
import type { KillPool } from "./killPool.ts";
import type { InjectLimits } from "./limits.ts";
import { learnFromRecords } from "./numbers.ts";
import { KillTarget } from "./request.ts";
import type { KillRequest, UnseenTuple } from "./request.ts";

export class Opening {
  readonly #table: FlowTable;
  readonly #pool: KillPool;
  readonly #deliveries: Deliveries;
  readonly #limits: InjectLimits;

  constructor(table: FlowTable, pool: KillPool, deliveries: Deliveries, limits: InjectLimits) {
    this.#table = table;
    this.#pool = pool;
    this.#deliveries = deliveries;
    this.#limits = limits;
  }

  /** The connection's other tuple (NAT) has shown itself. */
  twin(kill: Kill, twin: number): void {
    this.#takeTwin(kill, twin);
    this.#deliveries.resolve(kill);
  }

  /** The same for a kill without a record: `slot` has its tuple now, with its sides turned round where `flip` is 1. */
  twinOf(kill: Kill, slot: number, flip: number, twin: number): void {
    this.#pool.attachTwin(kill, twin, twinFlip(this.#table.words, slot, twin) ^ flip);
    this.#sparesContent(twin);
    this.#deliveries.resolve(kill);
  }

  #takeTwin(kill: Kill, twin: number): void {
    this.#pool.attachTwin(kill, twin, twinFlip(this.#table.words, kill.slot, twin));
    this.#sparesContent(twin);
  }

  /** The verdict on this connection stands: who still looked into its bytes would make the chase late. */
  #sparesContent(slot: number): void {
    this.#table.clearFlag(slot, FlowFlag.Inspect0 | FlowFlag.Inspect1);
  }

  request(kill: Kill, request: KillRequest, nowMs: number): void {
    kill.target = request.target;
    kill.client.targeted = request.target !== KillTarget.Server;
    kill.server.targeted = request.target !== KillTarget.Client;
    kill.refuse = request.refuse;
    kill.mayAsk = request.mayAsk;
    kill.rstBudget = request.rstBudget > 0 ? request.rstBudget : this.#limits.rstsPerKill;
    kill.policy = request.policy;
    kill.rule = request.rule;
    kill.origin = request.origin;
    kill.detectedMs = request.detectedMs > 0 ? request.detectedMs : nowMs;
    kill.startedMs = kill.lastPacketMs = kill.probedMs = nowMs;
    kill.verdictMs = nowMs + request.delayMs;
    kill.isSecondActor = request.delayMs > 0;
  }

  record(kill: Kill, request: KillRequest): void {
    const table = this.#table;
    const { slot } = request;
    this.#pool.attach(kill, slot);
    this.tuple(kill, slot);
    this.#sparesContent(slot);
    kill.established = wasEstablished(table, slot);
    // A connecting client takes RST|ACK only, whoever asks.
    if (table.state(slot) <= FlowState.SynReceived) kill.refuse = true;
    const { client, server } = kill;
    client.bytesBefore = table.bytes(slot, 0);
    server.bytesBefore = table.bytes(slot, 1);
    kill.quietSide = request.side >= 0 ? request.side : client.bytesBefore >= server.bytesBefore ? 0 : 1;
    const twin = table.twin(slot);
    if (twin >= 0 && this.#pool.ofSlot(twin) === undefined) this.#takeTwin(kill, twin);
    this.#deliveries.resolve(kill);
    learnFromRecords(kill, table);
    rememberAcknowledged(client);
    rememberAcknowledged(server);
  }

  tuple(kill: Kill, slot: number): void {
    const table = this.#table;
    for (let word = 0; word < 8; word++) kill.address[word] = table.addressWord(slot, word >> 2, word & 3);
    kill.clientPort = table.port(slot, 0);
    kill.serverPort = table.port(slot, 1);
    kill.isIpv4 = table.isIpv4(slot);
    kill.mptcp = table.hasFlag(slot, FlowFlag.Mptcp);
  }

  /** A connection without a record: its tuple is all that is known. */
  unseen(kill: Kill, tuple: UnseenTuple): void {
    const { address } = tuple;
    kill.address.set(address);
    kill.clientPort = tuple.clientPort;
    kill.serverPort = tuple.serverPort;
    kill.isIpv4 = isIpv4(address[0], address[1], address[2]);
    kill.refuse = false;
    kill.established = true;
    this.#deliveries.resolveUnseen(kill);
  }
}

/** A second request for the same connection adds what it asks for. */
export function widen(kill: Kill, request: KillRequest): void {
  if (request.target !== KillTarget.Server) kill.client.targeted = true;
  if (request.target !== KillTarget.Client) kill.server.targeted = true;
  if (kill.target !== request.target) kill.target = KillTarget.Both;
  if (request.mayAsk) kill.mayAsk = true;
}

/** Something exact is known for one end at least: the other learns from what that one does. */
export function knowsEnough(kill: Kill): boolean {
  return (kill.client.targeted && (kill.server.nextKnown || kill.client.acknowledgedKnown))
    || (kill.server.targeted && (kill.client.nextKnown || kill.server.acknowledgedKnown));
}

/** Of one that has ended: its SYN was seen, and nothing that says that the client got an answer to it. */
function wasEstablished(table: FlowTable, slot: number): boolean {
  const state = table.state(slot);
  if (state !== FlowState.Closed) return state > FlowState.SynReceived;
  return !table.hasFlag(slot, FlowFlag.Isn0) || table.hasFlag(slot, FlowFlag.Acked0) || table.bytes(slot, 1) > 0;
}

function rememberAcknowledged(end: End): void {
  end.acknowledgedBefore = end.acknowledged;
  end.acknowledgedBeforeKnown = end.acknowledgedKnown;
}
