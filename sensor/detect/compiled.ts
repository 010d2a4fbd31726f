/**
 * The rules as a Worker holds them: flat arrays on SharedArrayBuffers, handed over by structured clone without a copy.
 * The word layouts are here and nowhere else.
 */
import type { AddressTable } from "./addresses.ts";
import type { Automaton } from "./automaton.ts";
import type { InterfaceTable } from "./interfaces.ts";
import type { OwnerTable } from "./owners.ts";
import type { PortTable } from "./ports.ts";
import type { RuleBits } from "./ruleBits.ts";

export interface CompiledDetection {
  readonly ruleCount: number;
  /** RULE_WORDS a rule. */
  readonly rules: Int32Array;
  readonly ruleBits: RuleBits;
  readonly signatureCount: number;
  /** SIGNATURE_WORDS a signature; those of one rule stand together. */
  readonly signatures: Int32Array;
  readonly addresses: AddressTable;
  readonly ports: PortTable;
  readonly interfaces: InterfaceTable;
  readonly owners: OwnerTable;
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

export const RULE_WORDS = 6;

export const Rule = {
  /** RuleFlag bits. */
  Flags: 0,
  FirstSignature: 1,
  SignatureCount: 2,
  /** Whose it is, from 1; 0 where no tenant's. */
  Tenant: 3,
  /** Two words: see identity.ts. */
  Identity: 4,
} as const;

export const RuleFlag = {
  /** Has a connection detector of this phase. */
  Handshake: 1,
  Established: 2,
} as const;

export const SIGNATURE_WORDS = 10;

/** Sets are numbers in the address and port tables, -1 (ANYTHING) for no condition. */
export const SignatureField = {
  Rule: 0,
  /** SignatureFlag bits. */
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
  /** Has contents in the exact automaton, in the folded one. */
  Exact: 16,
  Folded: 32,
} as const;
