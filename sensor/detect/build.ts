/** Rules to a CompiledDetection. Runs in the main thread, once a change of policy. */
import { buildAddressTable } from "./addresses.ts";
import { AutomatonBuilder } from "./automaton.ts";
import { type CompiledDetection, type LiteralTable, RULE_WORDS, Rule, RuleFlag, SIGNATURE_WORDS, SignatureField, SignatureFlag } from "./compiled.ts";
import { identityOf } from "./identity.ts";
import { buildInterfaceTable, type InterfaceDescription, type InterfaceSet } from "./interfaces.ts";
import { ANYTHING, SetList } from "./membership.ts";
import { buildPortTable } from "./ports.ts";
import { ALL_ADDRESSES, ALL_PORTS, type RangeSet } from "./ranges.ts";
import type { Content, Signature } from "./signature/mod.ts";

/** One rule with everything resolved but interfaces. It needs a connection, signatures or both. */
export interface RuleSpec {
  /** Equal for the same rule in the next compiled policy: what has fired is remembered by it. */
  readonly identity: string;
  readonly direction: "Inbound" | "Outbound" | "Any";
  readonly subject: RangeSet;
  /** Undefined: any interface. */
  readonly interfaces: InterfaceSet | undefined;
  readonly peers: RangeSet;
  /** Of the server. */
  readonly ports: RangeSet;
  readonly connection: ConnectionSpec | undefined;
  readonly signatures: readonly Signature[];
}

export interface ConnectionSpec {
  readonly phase: "Handshake" | "Established";
  readonly client: RangeSet;
  readonly clientPorts: RangeSet;
  readonly server: RangeSet;
  readonly serverPorts: RangeSet;
}

export interface DetectionOptions {
  /** States of each of the two automata. */
  readonly maximumStates?: number;
  /** Bytes of each side's stream that are looked at; 0 or absent: all. */
  readonly inspectBytes?: number;
}

export class DetectionBuilder {
  readonly #rules: number[] = [];
  readonly #signatures: number[] = [];
  readonly #addresses = new SetList(ALL_ADDRESSES);
  readonly #ports = new SetList(ALL_PORTS);
  readonly #interfaces: InterfaceSet[] = [];
  readonly #interfaceNumbers = new Map<string, number>();
  readonly #exact: Literals;
  readonly #folded: Literals;
  readonly #inspectBytes: number;

  constructor(options: DetectionOptions = {}) {
    this.#exact = new Literals(false, options.maximumStates);
    this.#folded = new Literals(true, options.maximumStates);
    this.#inspectBytes = options.inspectBytes ?? 0;
  }

  get ruleCount(): number {
    return this.#rules.length / RULE_WORDS;
  }

  /** Number of the new rule, or why it does not fit. A rule that does not fit leaves the others as they were. */
  add(spec: RuleSpec): number | string {
    const fault = this.#fits(spec.signatures);
    if (fault !== undefined) return fault;
    const words = new Array<number>(RULE_WORDS).fill(0);
    const { connection } = spec;
    words[Rule.Flags] = directionFlags(spec.direction) | (connection === undefined ? 0 : connection.phase === "Handshake" ? RuleFlag.Handshake : RuleFlag.Established);
    const sets = [
      [Rule.SubjectAddresses, this.#addresses.add(spec.subject)],
      [Rule.SubjectInterfaces, this.#interfaceSet(spec.interfaces)],
      [Rule.PeerAddresses, this.#addresses.add(spec.peers)],
      [Rule.Ports, this.#ports.add(spec.ports)],
      [Rule.ClientAddresses, this.#addresses.add(connection?.client ?? ALL_ADDRESSES)],
      [Rule.ClientPorts, this.#ports.add(connection?.clientPorts ?? ALL_PORTS)],
      [Rule.ServerAddresses, this.#addresses.add(connection?.server ?? ALL_ADDRESSES)],
      [Rule.ServerPorts, this.#ports.add(connection?.serverPorts ?? ALL_PORTS)],
    ] as const;
    for (const [word, set] of sets) {
      if (set === undefined) return TABLE_FULL;
      words[word] = set;
    }
    const rule = this.ruleCount;
    const first = this.#signatures.length / SIGNATURE_WORDS;
    const signatures: number[] = [];
    for (const signature of spec.signatures) {
      const encoded = this.#encodeSignature(signature, rule, spec.identity);
      if (encoded === undefined) return TABLE_FULL;
      signatures.push(...encoded);
    }
    spec.signatures.forEach(({ contents }, i) => this.#addContents(contents, first + i));
    words[Rule.FirstSignature] = first;
    words[Rule.SignatureCount] = spec.signatures.length;
    [words[Rule.Identity], words[Rule.Identity + 1]] = identityOf(spec.identity) as [number, number];
    this.#signatures.push(...signatures);
    this.#rules.push(...words);
    return rule;
  }

  build(interfaces: readonly InterfaceDescription[]): CompiledDetection {
    return {
      ruleCount: this.ruleCount,
      rules: shared(this.#rules),
      signatureCount: this.#signatures.length / SIGNATURE_WORDS,
      signatures: shared(this.#signatures),
      addresses: buildAddressTable(this.#addresses.sets),
      ports: buildPortTable(this.#ports.sets),
      interfaces: buildInterfaceTable(this.#interfaces, interfaces),
      exact: this.#exact.build(),
      folded: this.#folded.build(),
      inspectBytes: this.#inspectBytes,
    };
  }

  #fits(signatures: readonly Signature[]): string | undefined {
    const contents = signatures.flatMap((signature) => signature.contents);
    for (const literals of [this.#exact, this.#folded]) {
      const fault = literals.whyNot(contents);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #interfaceSet(set: InterfaceSet | undefined): number {
    if (set === undefined) return ANYTHING;
    const key = `${set.eitherEnd} ${set.names.join(" ")}`;
    const known = this.#interfaceNumbers.get(key);
    if (known !== undefined) return known;
    const number = this.#interfaces.push(set) - 1;
    this.#interfaceNumbers.set(key, number);
    return number;
  }

  #encodeSignature(signature: Signature, rule: number, identity: string): number[] | undefined {
    const words = new Array<number>(SIGNATURE_WORDS).fill(0);
    const { flow, contents } = signature;
    words[SignatureField.Rule] = rule;
    words[SignatureField.Flags] =
      (flow.direction === "ToClient" ? 0 : SignatureFlag.FromInitiator) |
      (flow.direction === "ToServer" ? 0 : SignatureFlag.FromResponder) |
      (flow.established ? SignatureFlag.Established : 0) |
      (signature.bidirectional ? SignatureFlag.Bidirectional : 0);
    words[SignatureField.Contents] = contents.length === 32 ? -1 : (1 << contents.length) - 1;
    const sets = [this.#addresses.add(signature.source), this.#ports.add(signature.sourcePorts), this.#addresses.add(signature.destination), this.#ports.add(signature.destinationPorts)];
    for (let i = 0; i < sets.length; i++) {
      const set = sets[i];
      if (set === undefined) return undefined;
      words[SignatureField.SourceAddresses + i] = set;
    }
    [words[SignatureField.Identity], words[SignatureField.Identity + 1]] = identityOf(`${identity}\n${signature.text}`) as [number, number];
    return words;
  }

  #addContents(contents: readonly Content[], signature: number): void {
    contents.forEach(({ bytes, nocase }, number) => (nocase ? this.#folded : this.#exact).add(bytes, (signature << 5) | number));
  }
}

const TABLE_FULL = "Cannot hold more address or port sets: the table is full";

/** The literals of one automaton and their uses. */
class Literals {
  readonly #builder: AutomatonBuilder;
  readonly #uses: number[][] = [];
  #identity = "";

  constructor(folded: boolean, maximumStates: number | undefined) {
    this.#builder = new AutomatonBuilder(folded, maximumStates);
  }

  whyNot(contents: readonly Content[]): string | undefined {
    const mine = contents.filter(({ nocase }) => nocase === this.#builder.folded).map(({ bytes }) => bytes);
    if (this.#builder.fits(mine)) return undefined;
    const needed = this.#builder.statesFor(mine);
    return `Cannot hold so many contents: the automaton of ${this.#builder.stateCount} states would need ${needed} more`;
  }

  add(bytes: Uint8Array, use: number): void {
    const literal = this.#builder.add(bytes);
    (this.#uses[literal] ??= []).push(use);
    this.#identity += `${bytes.join(" ")},`;
  }

  build(): LiteralTable | undefined {
    const automaton = this.#builder.build();
    if (automaton === undefined) return undefined;
    const starts = [0];
    for (const uses of this.#uses) starts.push(starts.at(-1)! + uses.length);
    return { automaton, identity: shared(identityOf(this.#identity)), useStart: shared(starts), uses: shared(this.#uses.flat()) };
  }
}

function directionFlags(direction: RuleSpec["direction"]): number {
  if (direction === "Inbound") return RuleFlag.Inbound;
  return direction === "Outbound" ? RuleFlag.Outbound : RuleFlag.Inbound | RuleFlag.Outbound;
}

function shared(values: readonly number[]): Int32Array {
  const array = new Int32Array(new SharedArrayBuffer(values.length * 4));
  array.set(values);
  return array;
}
