/**
 * The whole policy as a Worker holds it: flat arrays on SharedArrayBuffers and a few names, handed over by structured
 * clone. The word layouts are here and nowhere else.
 */
import type { AddressTable, CompiledDetection, PortTable } from "../detect/mod.ts";

export interface CompiledPolicy {
  readonly detection: CompiledDetection;
  /** Policy of each rule. */
  readonly policyOfRule: Int32Array;
  /** By rule: 1 where it is about pods as servers only, so that no other node's sensor ever applies it to such a connection. */
  readonly serversAlone: Int32Array;
  readonly policyCount: number;
  /** POLICY_WORDS a policy. */
  readonly policies: Int32Array;
  readonly policyHoldMs: Float64Array;
  readonly flowResetCount: number;
  /** FLOW_RESET_WORDS a FlowReset. */
  readonly flowResets: Int32Array;
  readonly flowResetHoldMs: Float64Array;
  readonly guards: GuardTables;
  readonly connectionsPerMinute: number;
  readonly names: PolicyNames;
}

export interface GuardTables {
  readonly addresses: AddressTable;
  readonly ports: PortTable;
  /** ENDPOINT_WORDS each. */
  readonly protectedEndpoints: Int32Array;
  /** CONNECTION_WORDS each. */
  readonly protectedConnections: Int32Array;
  /** CALL_WORDS each. */
  readonly protectedCalls: Int32Array;
  /** Address sets; that of no CIDR at all holds nothing. */
  readonly exemptForAll: number;
  readonly sharedClients: number;
  /** Addresses of pods whose own node has a sensor too. */
  readonly remotePods: number;
  /** By policy, and for FlowResets by number behind the policies: 1 where its namespace may not enforce. */
  readonly heldBack: Uint8Array;
}

/** For people and labels; index is the number of the thing. */
export interface PolicyNames {
  readonly policies: readonly PolicyName[];
  readonly rules: readonly string[];
  readonly signatures: readonly SignatureName[];
  readonly flowResets: readonly FlowResetName[];
}

export interface PolicyName {
  /** `kind namespace/name`: what budgets are kept by from one compiled policy to the next. */
  readonly identity: string;
  readonly kind: "ResponsePolicy" | "ClusterResponsePolicy";
  /** Empty for a cluster policy. */
  readonly namespace: string;
  /** Its namespace in a cluster, where namespaces are tenants with quotas; "" otherwise. */
  readonly tenant: string;
  readonly name: string;
  readonly mode: "Observe" | "Enforce";
  readonly severity: string;
  readonly tags: readonly string[];
}

export interface SignatureName {
  readonly sid: number;
  readonly rev: number;
  readonly msg: string;
}

export interface FlowResetName {
  readonly identity: string;
  readonly kind: "FlowReset" | "ClusterFlowReset";
  readonly namespace: string;
  readonly name: string;
  readonly reason: string;
}

export const POLICY_WORDS = 10;

export const PolicyField = {
  /** 1 where it enforces. */
  Enforce: 0,
  /** ResetTarget. */
  Target: 1,
  MinConfidence: 2,
  /** 1 where a connection of several parties may be reset. */
  AllowShared: 3,
  ConnectionsPerMinute: 4,
  RstPackets: 5,
  /** Address set of its own exemptions. */
  Exempt: 6,
  EvidencePackets: 7,
  /** Number of its namespace, NO_NAMESPACE where it may touch any flow. */
  Namespace: 8,
} as const;

/** Bits: which ends get a RST. */
export const ResetTarget = { Client: 1, Server: 2, Both: 3 } as const;

export const ENDPOINT_WORDS = 4;

export const EndpointField = {
  Addresses: 0,
  Ports: 1,
  /** 1 where the address is protected as initiator too, whatever the port. */
  AsInitiator: 2,
  /** protectionNumber(). */
  Protection: 3,
} as const;

export const CALL_WORDS = 4;

/** Address sets of who calls and who is called, a port set of the latter, and protectionNumber(). */
export const CallField = { From: 0, To: 1, Ports: 2, Protection: 3 } as const;

export const CONNECTION_WORDS = 9;

/** Client address, server address, then client port << 16 | server port, as in the flow record. */
export const ConnectionField = { Client: 0, Server: 4, Ports: 8 } as const;

export const FLOW_RESET_WORDS = 26;

export const FlowResetField = {
  /** Address, four words, then its mask, four words; all zero for any. */
  Client: 0,
  Server: 8,
  /** 0 for any. */
  ClientPort: 16,
  ServerPort: 17,
  /** 4 or 6, 0 for any: an IPv6 prefix never holds an IPv4 address. */
  ClientFamily: 18,
  ServerFamily: 19,
  Target: 20,
  MaxFlows: 21,
  DryRun: 22,
  /** Subject sets that an end must be in, ANYTHING for none. */
  ClientPods: 23,
  ServerPods: 24,
  /** As PolicyField.Namespace. */
  Namespace: 25,
} as const;
