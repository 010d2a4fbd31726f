/**
 * Event lines: one JSON object a line, with the names of Suricata's EVE wherever EVE has the thing
 * (https://docs.suricata.io/en/latest/output/eve/eve-json-format.html); what is ours is under `flowreset`.
 * Builders are pure: the time is an argument, keys always come in the same order, an absent value has no key.
 */
import { formatTimestamp } from "./timestamp.ts";

export interface EventEndpoint {
  ip: string;
  port: number;
}

/** The connection, as known at the moment of the event. */
export interface EventFlow {
  /** From flowId(). */
  flowId: number;
  client: EventEndpoint;
  server: EventEndpoint;
  /** Interface of the packet that made the event; the flow's home for `outcome`. */
  interface: string;
  startMs: number;
  packetsToServer: number;
  packetsToClient: number;
  /** Payload, each byte once. */
  bytesToServer: number;
  bytesToClient: number;
  /** FlowState name, lower case. */
  state: string;
  /** Which side is the client was inferred. */
  inferred: boolean;
}

export type SeverityName = "Info" | "Low" | "Medium" | "High" | "Critical";

/** What fired: a signature, or any other detector (then `id` and `revision` are 0). */
export interface EventSignature {
  id: number;
  revision: number;
  message: string;
  severity: SeverityName;
}

/** What decide said. */
export interface EventDecision {
  /** `namespace/name` or `name` of the policy whose action it is, then all that matched. */
  policy: string;
  policies: readonly string[];
  rule: string;
  mode: "Observe" | "Enforce";
  /** Verdict name as decide has it: Reset, Refuse, WouldReset, WouldRefuse, Suppress. */
  verdict: string;
  /** What suppressed it, or why it is so. */
  reason: string;
  target: "Client" | "Server" | "Both";
  /** Of the policy whose action it is, where it has some. */
  tags?: readonly string[];
  /** Name of the FlowReset where a person asked, instead of a detector, and why they did. */
  flowReset?: string;
  requestReason?: string;
}

export interface EventReset {
  /** Packets sent up to now. */
  rsts: number;
  /** Trigger on the wire to the first RST handed to the kernel. */
  timeToFirstRstMicroseconds: number;
  /** "established" or "handshake". */
  phase: string;
}

export interface EventOutcome {
  outcome: "Confirmed" | "Unconfirmed" | "Evaded" | "Failed";
  reason: string;
  /** What proves it, one short word each: "client: rst to probe", ... */
  evidence: readonly string[];
  rsts: number;
  probes: number;
  timeToFirstRstMicroseconds: number | undefined;
  /** First RST to proof; undefined where there is none. */
  timeToConfirmedMicroseconds: number | undefined;
  /** Payload bytes that passed after the trigger, both ways. */
  bytesAfterTrigger: number;
}

/** Policies named in one event at most. */
const MAX_EVENT_POLICIES = 16;

/** EVE: 1 is the worst. */
const EVE_SEVERITY: Readonly<Record<SeverityName, number>> = { Critical: 1, High: 1, Medium: 2, Low: 3, Info: 4 };

/** A detection. `side` (0 client, 1 server) sent the bytes that fired it: EVE's source. */
export function alertEvent(
  timestampMs: number,
  flow: EventFlow,
  side: number,
  signature: EventSignature,
  decision: EventDecision,
): string {
  const did = decision.verdict === "Reset" || decision.verdict === "Refuse";
  return line({
    ...head("alert", timestampMs, flow, side),
    alert: {
      action: did ? "blocked" : "allowed",
      gid: 1,
      signature_id: signature.id,
      rev: signature.revision,
      signature: signature.message,
      category: "",
      severity: EVE_SEVERITY[signature.severity],
    },
    flow: flowBlock(flow),
    flowreset: { ...decisionBlock(decision), severity: signature.severity },
  });
}

/**
 * The first RST (or the refusal) of a connection has left. Also of a connection that a FlowReset named and nothing
 * was sent to: `rsts` is 0 then, and `verdict` and `reason` say what stood in the way.
 */
export function resetEvent(timestampMs: number, flow: EventFlow, decision: EventDecision, reset: EventReset): string {
  return line({
    ...head("reset", timestampMs, flow, 0),
    flow: flowBlock(flow),
    flowreset: {
      ...decisionBlock(decision),
      phase: reset.phase,
      time_to_first_rst_us: microseconds(reset.timeToFirstRstMicroseconds),
      rsts: reset.rsts,
    },
  });
}

/** What became of a connection that was reset. */
export function outcomeEvent(
  timestampMs: number,
  flow: EventFlow,
  decision: EventDecision,
  outcome: EventOutcome,
): string {
  return line({
    ...head("outcome", timestampMs, flow, 0),
    flow: flowBlock(flow),
    flowreset: {
      ...decisionBlock(decision),
      reason: outcome.reason,
      outcome: outcome.outcome,
      evidence: outcome.evidence,
      time_to_first_rst_us: microseconds(outcome.timeToFirstRstMicroseconds),
      time_to_confirmed_us: microseconds(outcome.timeToConfirmedMicroseconds),
      rsts: outcome.rsts,
      probes: outcome.probes,
      bytes_after_trigger: outcome.bytesAfterTrigger,
    },
  });
}

function head(type: string, timestampMs: number, flow: EventFlow, side: number): Record<string, unknown> {
  const source = side === 0 ? flow.client : flow.server;
  const destination = side === 0 ? flow.server : flow.client;
  return {
    timestamp: formatTimestamp(timestampMs),
    flow_id: flow.flowId,
    in_iface: flow.interface,
    event_type: type,
    src_ip: source.ip,
    src_port: source.port,
    dest_ip: destination.ip,
    dest_port: destination.port,
    proto: "TCP",
    direction: side === 0 ? "to_server" : "to_client",
  };
}

function flowBlock(flow: EventFlow): Record<string, unknown> {
  return {
    pkts_toserver: flow.packetsToServer,
    pkts_toclient: flow.packetsToClient,
    // EVE's bytes_toserver counts headers and repetitions: this is another thing, under another name.
    payload_bytes_toserver: flow.bytesToServer,
    payload_bytes_toclient: flow.bytesToClient,
    start: formatTimestamp(flow.startMs),
    state: flow.state,
    src_ip: flow.client.ip,
    dest_ip: flow.server.ip,
    src_port: flow.client.port,
    dest_port: flow.server.port,
    inferred: flow.inferred ? true : undefined,
  };
}

function decisionBlock(decision: EventDecision): Record<string, unknown> {
  return {
    flow_reset: decision.flowReset,
    request_reason: decision.requestReason,
    policy: decision.policy,
    policies: decision.policies.slice(0, MAX_EVENT_POLICIES),
    rule: decision.rule,
    mode: decision.mode,
    verdict: decision.verdict,
    reason: decision.reason,
    target: decision.target,
    tags: decision.tags,
  };
}

function microseconds(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.max(0, Math.round(value));
}

function line(event: Record<string, unknown>): string {
  return `${JSON.stringify(event)}\n`;
}
