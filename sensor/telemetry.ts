/**
 * Copies what each room has counted into the Worker's shared counters. It runs a few times a second beside the packet
 * path, so that the path itself writes to nobody else's memory.
 */
import type { CaptureStatistics } from "./capture/mod.ts";
import { DECODE_REASON_COUNT } from "./decode/mod.ts";
import { FLOW_EVICTIONS, FLOW_REFUSALS, FlowRefusal } from "./flow/mod.ts";
import type { Pipeline } from "./pipeline.ts";
import { Counter, Families } from "./report/mod.ts";
import type { Counters } from "./report/mod.ts";

export class Telemetry {
  readonly #counters: Counters;
  readonly #pipeline: Pipeline;

  constructor(counters: Counters, pipeline: Pipeline) {
    this.#counters = counters;
    this.#pipeline = pipeline;
    counters.set(Counter.FlowsCapacity, pipeline.table.capacity);
    counters.set(Counter.KillsCapacity, pipeline.injector.limits.kills);
    counters.set(Counter.HoldsCapacity, pipeline.injector.limits.holds);
  }

  publish(capture: CaptureStatistics, nowMs: number): void {
    const counters = this.#counters;
    const { context, tracker, table, injector, detector, outbox, packet } = this.#pipeline;
    counters.set(Counter.Packets, capture.packets);
    counters.set(Counter.Bytes, capture.bytes);
    counters.set(Counter.KernelDrops, capture.dropped);
    counters.set(Counter.CutShort, capture.cutShort);
    counters.set(Counter.OwnPackets, this.#pipeline.ownPackets);
    counters.set(Counter.LastPacketMs, packet.timestampMs);
    counters.set(Counter.HeartbeatMs, nowMs);
    counters.set(Counter.FlowsCreated, tracker.connections.created);
    counters.set(Counter.FlowsLive, table.size);
    counters.set(Counter.CopiesIgnored, tracker.refused[FlowRefusal.Copy]!);
    counters.set(Counter.SpoofedInterface, tracker.refused[FlowRefusal.Spoofed]!);
    counters.set(Counter.MatchesLive, detector.pool.size);
    counters.set(Counter.KillsLive, injector.active);
    counters.set(Counter.HoldsLive, injector.holds.count);
    counters.set(Counter.PacketsInjected, injector.counters.rsts + injector.counters.probes);
    counters.set(Counter.ProbesSent, injector.counters.probes);
    counters.set(Counter.InjectErrors, injector.counters.sendErrors);
    counters.set(Counter.OutboxDropped, outbox.dropped);
    for (let reason = 1; reason < DECODE_REASON_COUNT; reason++) counters.setIn(Families.decode, reason, context.reasons[reason]!);
    for (let refusal = 0; refusal < FLOW_REFUSALS; refusal++) counters.setIn(Families.flowRefusals, refusal, tracker.refused[refusal]!);
    for (let eviction = 0; eviction < FLOW_EVICTIONS; eviction++) counters.setIn(Families.flowEvictions, eviction, tracker.connections.evicted[eviction]!);
  }
}
