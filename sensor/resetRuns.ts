/**
 * A FlowReset at work in one Worker: finds the flows that it names and says so (`match`); when all Workers have, and
 * there are not too many, judges each by the guards of FlowResets and hands them to inject (`start`). Where it names one
 * connection that nobody has seen, that one is asked for by the oracle.
 */
import { Decider, flowResetIsExact, FlowResetField, Verdict } from "./decide/mod.ts";
import type { CompiledPolicy } from "./decide/mod.ts";
import type { ResetLine } from "./control/mod.ts";
import { formatAddress } from "./decode/mod.ts";
import { describeUnseen } from "./describe.ts";
import { isHomeOf, isPodInterface, onlyHomeOf } from "./detect/mod.ts";
import { FLOW_WORDS, Field, FlowFlag, FlowState, SIDE_WORDS, SideField } from "./flow/mod.ts";
import { KillRequest, OutcomeRecord, StartResult, UnseenTuple } from "./inject/mod.ts";
import { killTargetOf } from "./killTarget.ts";
import type { Pipeline } from "./pipeline.ts";
import { requestDecision } from "./recorder.ts";
import type { EventRecorder, SettledReset } from "./recorder.ts";
import type { EventFlow } from "./report/mod.ts";

/** FlowResets at work at the same time in one Worker. */
const MAX_RUNS = 1_024;

/** Ends of one run that are told as held: more would push what became of its connections out of the ring. */
const MAX_HELD_TOLD = 2_048;

/** Label of resets by FlowReset, where a policy's stands otherwise. */
export const FLOW_RESET_LABEL = 1;

/** Ends between which new connections are refused from now on: as they show at the pod that is held, where one is. */
export interface HeldBetween {
  readonly client: string;
  readonly server: string;
  readonly serverPort: number;
}

/** What a Worker says of a run: lines as the local socket has them; `settled` closes the Worker's part. */
export type RunLine =
  | Extract<ResetLine, { type: "flow" }>
  /**
   * `connections`: names that the same connection has in every Worker; "" where its begin was not seen. `leftAlone`: how
   * many more bear an address of the FlowReset's namespace, and nothing proves them its pods'.
   */
  | { type: "matched"; connections: readonly string[]; leftAlone?: number }
  | ({ type: "held" } & HeldBetween)
  | { type: "settled"; failed: string };

export interface ResetRunsOptions {
  readonly pipeline: Pipeline;
  readonly recorder: EventRecorder;
  readonly stop: Int32Array;
  readonly tell: (run: number, line: RunLine) => void;
}

interface Run {
  readonly compiled: CompiledPolicy;
  /** Names of connections by the number that events give them. */
  readonly connections: Map<number, string>;
  /** Ends that were told as held: several connections may be between the same. */
  readonly held: Set<string>;
  /** Of the one that is asked for, where its record is still there. */
  asked: string;
  readonly matched: readonly { readonly slot: number; readonly generation: number; readonly connection: string }[];
  pending: number;
}

type ToldFlow = Partial<Omit<SettledReset, "outcome">> & {
  readonly flow: EventFlow;
  readonly outcome: SettledReset["outcome"] | "WouldReset";
  readonly reason: string;
  /** A guard held the reset back. */
  readonly isSuppressed?: boolean;
};

function heldBack(verdict: number): Pick<ToldFlow, "outcome" | "isSuppressed"> {
  return verdict === Verdict.WouldReset ? { outcome: "WouldReset" } : { outcome: "Failed", isSuppressed: true };
}

export class ResetRuns {
  readonly #options: ResetRunsOptions;
  readonly #runs = new Map<number, Run>();
  readonly #request = new KillRequest();
  readonly #holdKey = new Int32Array(9);
  /** One record of its own, in which a connection that was never seen stands before the guards. */
  readonly #unseen = { words: new Int32Array(FLOW_WORDS), doubles: new Float64Array(FLOW_WORDS / 2), capacity: 1 };
  #decider: Decider | undefined;
  #unseenDecider: Decider | undefined;

  constructor(options: ResetRunsOptions) {
    this.#options = options;
  }

  /** `compiled` holds this one FlowReset (and the guards' tables). Says which connections it matches here. */
  match(id: number, name: string, compiled: CompiledPolicy): void {
    const { pipeline: { table }, recorder, stop, tell } = this.#options;
    if (this.#runs.size >= MAX_RUNS) return tell(id, { type: "settled", failed: "TooManyFlowResets" });
    this.#decider = this.#taken(this.#decider, table, compiled, stop);
    this.#decider.leftAlone = 0;
    const maximum = compiled.flowResets[FlowResetField.MaxFlows]!;
    const slots = flowResetIsExact(compiled, 0) ? this.#named(this.#decider, compiled.flowResets) : this.#matching(this.#decider, maximum + 1);
    const matched = slots.map((slot) => ({ slot, generation: table.generation(slot), connection: connectionName(table, slot) }));
    this.#runs.set(id, { compiled, connections: new Map(), held: new Set(), asked: "", matched, pending: 1 });
    const target = killTargetOf(compiled.flowResets[FlowResetField.Target]!);
    recorder.beginRequest(id, requestDecision(name, compiled.names.flowResets[0]?.reason ?? "", target));
    const { leftAlone } = this.#decider;
    tell(id, { type: "matched", connections: matched.map(({ connection }) => connection), ...(leftAlone > 0 ? { leftAlone } : {}) });
  }

  /**
   * Acts on what matched, but for the `spared` ("all": there are too many). `unseen`: no Worker has a match; new
   * connections are held where that was wished, and one Worker asks for the one that it names.
   */
  start(id: number, spared: readonly string[] | "all", unseen: "no" | "hold" | "ask", nowMs: number): void {
    const { pipeline, recorder, stop } = this.#options;
    const run = this.#runs.get(id);
    if (run === undefined) return;
    if (spared === "all") {
      this.#runs.delete(id);
      return recorder.endRequest(id);
    }
    this.#decider = this.#taken(this.#decider, pipeline.table, run.compiled, stop);
    if (unseen !== "no") this.#startUnseen(id, run, unseen === "ask", nowMs);
    for (const { slot, generation, connection } of run.matched) {
      if (pipeline.table.isAlive(slot, generation) && !(connection !== "" && spared.includes(connection))) this.#startFlow(id, run, slot, nowMs);
    }
    this.#settle(id, run);
  }

  /** What the run holds ends before its time. */
  release(id: number): void {
    this.#options.pipeline.injector.holds.releaseOwner(id);
  }

  /** From the recorder: an outcome that belongs to a run. */
  onOutcome(settled: SettledReset): void {
    const run = this.#runs.get(settled.origin);
    if (run === undefined) return;
    this.#tellFlow(settled.origin, settled);
    this.#settle(settled.origin, run);
  }

  #taken(decider: Decider | undefined, flows: ConstructorParameters<typeof Decider>[0]["flows"], compiled: CompiledPolicy, stop: Int32Array): Decider {
    if (decider === undefined) return new Decider({ flows, compiled, stop, seed: 0 });
    decider.swap(compiled);
    return decider;
  }

  /** Where one connection is named, a table of a million others need not be walked. */
  #named(decider: Decider, reset: Int32Array): number[] {
    const slot = this.#find(reset);
    return slot >= 0 && decider.flowResetMatches(0, slot) ? [slot] : [];
  }

  #find(reset: Int32Array): number {
    const [client, server] = [FlowResetField.Client, FlowResetField.Server];
    return this.#options.pipeline.table.find(
      reset[client]!, reset[client + 1]!, reset[client + 2]!, reset[client + 3]!,
      reset[server]!, reset[server + 1]!, reset[server + 2]!, reset[server + 3]!,
      reset[FlowResetField.ClientPort]!, reset[FlowResetField.ServerPort]!,
    );
  }

  /** Another sensor may have ended it a moment ago: by its name both are known to speak of the same one. */
  #nameOfEnded(reset: Int32Array): string {
    const slot = this.#find(reset);
    return slot >= 0 ? connectionName(this.#options.pipeline.table, slot) : "";
  }

  /** One connection that is seen under two tuples counts once. */
  #matching(decider: Decider, limit: number): number[] {
    const { table } = this.#options.pipeline;
    const slots = new Set<number>();
    table.forEach((slot) => {
      if (slots.size < limit && decider.flowResetMatches(0, slot) && !slots.has(table.twin(slot))) slots.add(slot);
    });
    return [...slots];
  }

  #startFlow(id: number, run: Run, slot: number, nowMs: number): void {
    const { pipeline, recorder } = this.#options;
    const decider = this.#decider!;
    const verdict = decider.decideFlowReset(0, slot, nowMs);
    const { decision } = decider;
    const target = killTargetOf(decision.target);
    const reason = String(decision.reason || decision.holdRefused || "");
    const flow = recorder.onFlowReset(slot, id, verdict, reason, nowMs);
    run.connections.set(flow.flowId, connectionName(pipeline.table, slot));
    if (verdict !== Verdict.Reset) {
      return this.#tellFlow(id, { flow, ...heldBack(verdict), reason });
    }
    run.pending++;
    if (pipeline.injector.start(this.#requestOf(id, slot, target, decision.delayMs, nowMs), nowMs) === StartResult.JoinedUntold) {
      this.#tellFlow(id, { flow, outcome: "Failed", reason: "AlreadyBeingReset" });
      run.pending--;
    }
    if (decision.holdMs === 0) return;
    const { table, injector } = pipeline;
    const isHeld = injector.holdFlow(decision.holdSlot, nowMs + decision.holdMs, FLOW_RESET_LABEL, nowMs, decision.holdInterface, id);
    if (isHeld) this.#tellHeld(id, table.words, table.base(decision.holdSlot) + Field.InitiatorAddress, table.port(decision.holdSlot, 1));
  }

  /** Where the FlowReset names one connection (or one to hold) that no record stands for. */
  #startUnseen(id: number, run: Run, mayAsk: boolean, nowMs: number): void {
    const { pipeline, stop } = this.#options;
    const { compiled } = run;
    const reset = compiled.flowResets;
    if (!isOneAddress(reset, FlowResetField.Client) || !isOneAddress(reset, FlowResetField.Server)) return;
    const serverPort = reset[FlowResetField.ServerPort]!;
    if (serverPort === 0) return;
    const { words } = this.#unseen;
    for (let word = 0; word < 4; word++) {
      words[Field.InitiatorAddress + word] = reset[FlowResetField.Client + word]!;
      words[Field.ResponderAddress + word] = reset[FlowResetField.Server + word]!;
    }
    const clientPort = reset[FlowResetField.ClientPort]!;
    words[Field.Ports] = (clientPort << 16) | serverPort;
    words[Field.State] = FlowState.Established;
    words[Field.Flags] = reset[FlowResetField.ClientFamily] === 4 ? FlowFlag.Ipv4 : 0;
    words[Field.Twin] = words[Field.Kill] = -1;
    for (let side = 0; side < 2; side++) words[Field.Sides + side * SIDE_WORDS + SideField.Tap] = this.#homeOfUnseen(compiled, side);
    this.#unseenDecider = this.#taken(this.#unseenDecider, this.#unseen, compiled, stop);
    const verdict = this.#unseenDecider.decideFlowReset(0, 0, nowMs);
    const { decision } = this.#unseenDecider;
    if (verdict === Verdict.Reset && decision.holdMs > 0) {
      for (let word = 0; word < 8; word++) this.#holdKey[word] = words[word];
      this.#holdKey[8] = serverPort;
      const isHeld = pipeline.injector.hold(this.#holdKey, nowMs + decision.holdMs, FLOW_RESET_LABEL, nowMs, decision.holdInterface, id);
      if (isHeld) this.#tellHeld(id, this.#holdKey, 0, serverPort);
    }
    if (clientPort === 0 || !mayAsk) return;
    const target = killTargetOf(decision.target);
    if (verdict !== Verdict.Reset) {
      const record = new OutcomeRecord();
      record.address.set(words.subarray(0, 8));
      record.clientPort = clientPort;
      record.serverPort = serverPort;
      this.#tellFlow(id, { flow: describeUnseen(record), ...heldBack(verdict), reason: String(decision.reason) });
      return;
    }
    run.asked = this.#nameOfEnded(reset);
    const tuple = new UnseenTuple();
    tuple.address.set(words.subarray(0, 8));
    tuple.clientPort = clientPort;
    tuple.serverPort = serverPort;
    run.pending++;
    pipeline.injector.startUnseen(tuple, this.#requestOf(id, -1, target, 0, nowMs), nowMs);
  }

  /**
   * Where the side would be seen: at its pod's interface, if the kernel still has the address there or knows nothing of
   * it just now, or at the interface of a pod that nobody has told of; 0 otherwise.
   */
  #homeOfUnseen({ detection: { owners } }: CompiledPolicy, side: number): number {
    const { words } = this.#unseen;
    const at = side === 0 ? Field.InitiatorAddress : Field.ResponderAddress;
    const home = this.#options.pipeline.homes.homeOf(words[at], words[at + 1], words[at + 2], words[at + 3]);
    if (home === 0) return onlyHomeOf(owners, words, at);
    return isHomeOf(owners, words, at, home) || isPodInterface(owners, home) ? home : 0;
  }

  /** The same object every time. `slot` -1: no record stands for the connection. */
  #requestOf(origin: number, slot: number, target: number, delayMs: number, nowMs: number): KillRequest {
    const request = this.#request;
    request.slot = slot;
    request.side = -1;
    request.target = target;
    request.mayAsk = true;
    request.delayMs = delayMs;
    request.tellJoined = true;
    request.origin = origin;
    request.policy = FLOW_RESET_LABEL;
    request.detectedMs = nowMs;
    return request;
  }

  #tellFlow(id: number, told: ToldFlow): void {
    const { flow, outcome, reason, isSuppressed = false, rsts = 0, timeToFirstRstMicroseconds, timeToConfirmedMicroseconds, actor = "first" } = told;
    const run = this.#runs.get(id);
    this.#options.tell(id, {
      type: "flow",
      flow_id: flow.flowId,
      connection: run?.connections.get(flow.flowId) ?? run?.asked ?? "",
      client: flow.client,
      server: flow.server,
      interface: flow.interface,
      outcome,
      reason,
      suppressed: isSuppressed,
      rsts,
      timeToFirstRstMicroseconds: timeToFirstRstMicroseconds === undefined ? null : Math.round(timeToFirstRstMicroseconds),
      timeToConfirmedMicroseconds: timeToConfirmedMicroseconds === undefined ? null : Math.round(timeToConfirmedMicroseconds),
      actor,
    });
  }

  /** The client's address, then the server's, at `words[at]`. */
  #tellHeld(id: number, words: Int32Array, at: number, serverPort: number): void {
    const address = (first: number): string => formatAddress(words[first]!, words[first + 1]!, words[first + 2]!, words[first + 3]!);
    const between = { client: address(at), server: address(at + 4), serverPort };
    const { held } = this.#runs.get(id)!;
    if (held.size >= MAX_HELD_TOLD || held.size === held.add(JSON.stringify(between)).size) return;
    this.#options.tell(id, { type: "held", ...between });
  }

  #settle(id: number, run: Run): void {
    run.pending--;
    if (run.pending === 0) this.#finish(id, "");
  }

  #finish(id: number, failed: string): void {
    this.#runs.delete(id);
    this.#options.recorder.endRequest(id);
    this.#options.tell(id, { type: "settled", failed });
  }
}

/** By its initial sequence numbers, which no translation changes. */
function connectionName(table: Pipeline["table"], slot: number): string {
  if (!table.hasFlag(slot, FlowFlag.Isn0) || !table.hasFlag(slot, FlowFlag.Isn1)) return "";
  return [table.isn(slot, 0) >>> 0, table.isn(slot, 1) >>> 0].sort((a, b) => a - b).join(" ");
}

function isOneAddress(words: Int32Array, at: number): boolean {
  return words[at + 4] === -1 && words[at + 5] === -1 && words[at + 6] === -1 && words[at + 7] === -1;
}

