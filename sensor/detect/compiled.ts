/**
 * The rules as a Worker holds them: flat arrays on SharedArrayBuffers, handed over by structured clone without a copy.
 * The word layouts are here and nowhere else.
 */
import type { AddressTable } from "./addresses.ts";
import type { Automaton } from "./automaton.ts";
import type { InterfaceTable } from "./interfaces.ts";
import type { PortTable } from "./ports.ts";

export interface CompiledDetection {
  readonly ruleCount: number;
  /** RULE_WORDS a rule. */
  readonly rules: Int32Array;
  readonly signatureCount: number;
  /** SIGNATURE_WORDS a signature; those of one rule stand together. */
  readonly signatures: Int32Array;
  readonly addresses: AddressTable;
  readonly ports: PortTable;
  readonly interfaces: InterfaceTable;
  readonly exact: LiteralTable | undefined;
  readonly folded: LiteralTable | undefined;
  /** Bytes of each side's stream that are looked at; 0: all. */
  readonly inspectBytes: number;
}

/** An automaton and who asked for its literals. */
export interface LiteralTable {
  readonly automaton: Automaton;
  /** Two words that name its literals: see identity.ts. */
  readonly identity: Int32Array;
  /** Of literal `i`: its uses are `uses[useStart[i]]` to `uses[useStart[i + 1] - 1]`. */
  readonly useStart: Int32Array;
  /** Signature << 5 | content number inside it. */
  readonly uses: Int32Array;
}

export const RULE_WORDS = 16;

/** Sets are numbers in the tables, -1 (ANYTHING) for no condition. */
export const Rule = {
  Flags: 0,
  SubjectAddresses: 1,
  SubjectInterfaces: 2,
  PeerAddresses: 3,
  /** Of the server. */
  Ports: 4,
  ClientAddresses: 5,
  ClientPorts: 6,
  ServerAddresses: 7,
  ServerPorts: 8,
  FirstSignature: 9,
  SignatureCount: 10,
  /** Two words: see identity.ts. */
  Identity: 12,
} as const;

export const RuleFlag = {
  /** The subject may be the responder. */
  Inbound: 1,
  /** The subject may be the initiator. */
  Outbound: 2,
  /** Has a connection detector of this phase. */
  Handshake: 4,
  Established: 8,
} as const;

export const SIGNATURE_WORDS = 12;

export const SignatureField = {
  Rule: 0,
  Flags: 1,
  SourceAddresses: 2,
  SourcePorts: 3,
  DestinationAddresses: 4,
  DestinationPorts: 5,
  /** One bit a content. */
  Contents: 6,
  /** Two words: see identity.ts. */
  Identity: 8,
} as const;

export const SignatureFlag = {
  /** May match bytes of the initiator, of the responder. */
  FromInitiator: 1,
  FromResponder: 2,
  Established: 4,
  Bidirectional: 8,
} as const;
