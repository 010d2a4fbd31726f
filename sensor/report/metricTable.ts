/** Which single counter is which metric. One line a metric; `scale` turns the counted unit into the named one. */
import { Counter } from "./counters.ts";

export interface SingleMetric {
  counter: number;
  type: "counter" | "gauge";
  name: string;
  help: string;
  scale?: number;
}

function grows(counter: number, name: string, help: string, scale = 1): SingleMetric {
  return { counter, type: "counter", name: `flowreset_${name}_total`, help, scale };
}

function now(counter: number, name: string, help: string, scale = 1): SingleMetric {
  return { counter, type: "gauge", name: `flowreset_${name}`, help, scale };
}

export const SINGLE_METRICS: readonly SingleMetric[] = [
  grows(Counter.Packets, "packets", "Packets captured"),
  grows(Counter.Bytes, "packet_bytes", "Bytes captured, as long as they were on the wire"),
  grows(Counter.KernelDrops, "capture_dropped_packets", "Packets lost because the capture ring was full"),
  grows(Counter.CutShort, "capture_cut_short_packets", "Packets that arrived shorter than they were"),
  grows(Counter.OwnPackets, "own_packets", "Our own forged packets seen again"),
  now(Counter.LastPacketMs, "last_packet_timestamp_seconds", "Time of the last packet", 1e-3),
  now(Counter.HeartbeatMs, "worker_heartbeat_timestamp_seconds", "Last turn of the worker's loop", 1e-3),
  grows(Counter.FlowsCreated, "flows_created", "Flows first seen"),
  grows(Counter.FlowsEstablished, "flows_established", "Flows that became established"),
  grows(Counter.FlowsClosed, "flows_closed", "Flows that ended by FIN or RST"),
  grows(Counter.FlowsExpired, "flows_expired", "Flows that were silent for too long"),
  now(Counter.FlowsLive, "flow_table_flows", "Flows in the table"),
  now(Counter.FlowsCapacity, "flow_table_capacity_flows", "Flows that the table can hold"),
  grows(Counter.CopiesIgnored, "copied_packets", "The same packet seen at a further interface"),
  grows(Counter.SpoofedInterface, "spoofed_interface_packets", "Packets from an address that lives behind another interface"),
  grows(Counter.Retransmissions, "retransmitted_packets", "Retransmissions seen"),
  grows(Counter.OutOfOrder, "out_of_order_packets", "Segments that came early"),
  grows(Counter.Gaps, "stream_gaps", "Times that stream bytes were missing"),
  grows(Counter.AmbiguousOverlaps, "ambiguous_overlaps", "Overlaps with other bytes for the same place"),
  grows(Counter.ReassemblyRefused, "reassembly_refused_segments", "Segments that found no room to wait for missing ones"),
  now(Counter.ReassemblyBytes, "reassembly_bytes", "Bytes held for reassembly"),
  now(Counter.ReassemblyCapacityBytes, "reassembly_capacity_bytes", "Limit of the bytes held for reassembly"),
  grows(Counter.InspectedBytes, "inspected_bytes", "Stream bytes searched"),
  grows(Counter.Findings, "findings", "Rules that fired"),
  now(Counter.MatchesLive, "partial_matches", "Signatures that matched in part"),
  now(Counter.MatchesCapacity, "partial_match_capacity", "Limit of the signatures matched in part"),
  now(Counter.KillsLive, "kills_live", "Connections being reset"),
  now(Counter.KillsCapacity, "kills_capacity", "Limit of the connections being reset"),
  now(Counter.HoldsLive, "holds_live", "Holds in force"),
  now(Counter.HoldsCapacity, "holds_capacity", "Limit of the holds in force"),
  grows(Counter.PacketsInjected, "injected_packets", "Forged packets handed to the kernel"),
  grows(Counter.BytesInjected, "injected_bytes", "Bytes of forged packets"),
  grows(Counter.InjectErrors, "inject_refused_packets", "Forged packets that the kernel refused"),
  grows(Counter.OutboxDropped, "inject_dropped_packets", "Forged packets that found the outbox full"),
  grows(Counter.ProbesSent, "probes_sent", "Keep-alive probes sent to prove an end dead"),
  grows(Counter.BytesAfterTrigger, "bytes_after_trigger", "Payload bytes that passed after a trigger"),
  grows(Counter.StepsThrottled, "tenant_throttled_matches", "Matches of contents that a namespace had beyond its quota"),
  grows(Counter.EventsThrottled, "tenant_throttled_events", "Events that a namespace had beyond its quota"),
  grows(Counter.RecordsDropped, "records_dropped", "Records for the main thread that found the ring full"),
  now(Counter.PolicyGeneration, "worker_policy_generation", "Compiled policy that the worker runs"),
  now(Counter.Stopped, "injection_stopped", "1 while the emergency stop is on"),
  grows(Counter.BusyPollMicroseconds, "busy_poll_seconds", "Processor time spent polling in vain", 1e-6),
];
