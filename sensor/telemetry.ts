/**
 * Copies what each room has counted into the Worker's shared counters. It runs a few times a second beside the packet
 * path, so that the path itself writes to nobody else's memory.
 */
import type { CaptureStatistics } from "./capture/mod.ts";
import { DECODE_REASON_COUNT } from "./decode/mod.ts";
import { FLOW_EVICTIONS, FLOW_REFUSALS, FlowEviction, FlowRefusal, WORTHS } from "./flow/mod.ts";
import { ERRNOS } from "./inject/mod.ts";
import type { Pipeline } from "./pipeline.ts";
import { Counter, Families } from "./report/mod.ts";
import type { Counters, RecordRing } from "./report/mod.ts";

export class Telemetry {
  readonly #counters: Counters;
  readonly #pipeline: Pipeline;
  readonly #records: Pick<RecordRing, "dropped">;

  constructor(counters: Counters, pipeline: Pipeline, records: Pick<RecordRing, "dropped">) {
    this.#counters = counters;
    this.#pipeline = pipeline;
    this.#records = records;
    counters.set(Counter.FlowsCapacity, pipeline.table.capacity);
    counters.set(Counter.KillsCapacity, pipeline.injector.limits.kills);
    counters.set(Counter.HoldsCapacity, pipeline.injector.limits.holds);
    counters.set(Counter.MatchesCapacity, pipeline.detector.pool.capacity);
    counters.set(Counter.ReassemblyCapacityBytes, pipeline.tracker.reassembly.capacityBytes);
  }

  publish(capture: CaptureStatistics, nowMs: number): void {
    const counters = this.#counters;
    const { context, tracker, tally, table, injector, detector, outbox, packet } = this.#pipeline;
    counters.set(Counter.Packets, capture.packets);
    counters.set(Counter.Bytes, capture.bytes);
    counters.set(Counter.KernelDrops, capture.dropped);
    counters.set(Counter.CutShort, capture.cutShort);
    counters.set(Counter.OwnPackets, this.#pipeline.ownPackets);
    counters.set(Counter.LastPacketMs, packet.timestampMs);
    counters.set(Counter.HeartbeatMs, nowMs);
    counters.set(Counter.FlowsCreated, tracker.connections.created);
    counters.set(Counter.FlowsEstablished, tally.established);
    counters.set(Counter.FlowsClosed, tally.closed);
    counters.set(Counter.Retransmissions, tally.retransmissions);
    counters.set(Counter.OutOfOrder, tally.outOfOrder);
    counters.set(Counter.Gaps, tally.gaps);
    counters.set(Counter.FlowsLive, table.size);
    counters.set(Counter.AmbiguousOverlaps, tracker.reassembly.ambiguous);
    counters.set(Counter.ReassemblyRefused, tracker.reassembly.refused);
    counters.set(Counter.ReassemblyBytes, tracker.reassembly.heldBytes);
    counters.set(Counter.InspectedBytes, detector.inspectedBytes);
    counters.set(Counter.StepsThrottled, detector.steps.throttled);
    counters.set(Counter.CopiesIgnored, tracker.refused[FlowRefusal.Copy]!);
    counters.set(Counter.SpoofedInterface, tracker.refused[FlowRefusal.Spoofed]!);
    counters.set(Counter.MatchesLive, detector.pool.size);
    counters.set(Counter.KillsLive, injector.active);
    counters.set(Counter.HoldsLive, injector.holds.count);
    counters.set(Counter.PacketsInjected, injector.counters.rsts + injector.counters.probes);
    counters.set(Counter.BytesInjected, injector.counters.bytes);
    counters.set(Counter.ProbesSent, injector.counters.probes);
    counters.set(Counter.InjectErrors, injector.counters.sendErrors);
    counters.set(Counter.OutboxDropped, outbox.dropped);
    counters.set(Counter.RecordsDropped, this.#records.dropped);
    counters.set(Counter.BusyPollMicroseconds, capture.idleSpinMicroseconds);
    for (let reason = 1; reason < DECODE_REASON_COUNT; reason++) counters.setIn(Families.decode, reason, context.reasons[reason]!);
    for (let refusal = 0; refusal < FLOW_REFUSALS; refusal++) counters.setIn(Families.flowRefusals, refusal, tracker.refused[refusal]!);
    let expired = 0;
    for (let eviction = 0; eviction < FLOW_EVICTIONS; eviction++) {
      const count = tracker.connections.evicted[eviction]!;
      counters.setIn(Families.flowEvictions, eviction, count);
      if (eviction < FlowEviction.Pressure) expired += count;
    }
    counters.set(Counter.FlowsExpired, expired);
    for (let worth = 0; worth < WORTHS; worth++) counters.setIn(Families.flowWorths, worth, table.lists.lengths[worth]!);
    for (let error = 0; error < ERRNOS; error++) counters.setIn(Families.injectErrors, error, injector.counters.sendErrorsBy[error]!);
  }
}
