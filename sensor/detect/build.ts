/** Rules to a CompiledDetection. Runs in the main thread, once a change of policy. */
import { buildAddressTable } from "./addresses.ts";
import { type CompiledDetection, RULE_WORDS, Rule, RuleFlag, SIGNATURE_WORDS, SignatureField, SignatureFlag } from "./compiled.ts";
import { identityOf } from "./identity.ts";
import { buildInterfaceTable, type InterfaceDescription, type InterfaceSet } from "./interfaces.ts";
import { LiteralCollector } from "./literals.ts";
import { ANYTHING, type Membership, SetList } from "./membership.ts";
import { buildPortTable } from "./ports.ts";
import { NO_OWNERS, type OwnerTable } from "./owners.ts";
import { ALL_ADDRESSES, ALL_PORTS, type RangeSet } from "./ranges.ts";
import { joinRows, type RuleBits, rulesOfRows, rulesWhere, wordsFor } from "./ruleBits.ts";
import { MAX_MEMBERSHIP_WORDS } from "./limits.ts";
import { sharedWords } from "./sharedTable.ts";
import type { Content, Signature } from "./signature/mod.ts";

/** One rule with everything resolved but interfaces. It needs a connection, signatures or both. */
export interface RuleSpec {
  /** Equal for the same rule in the next compiled policy: what has fired is remembered by it. */
  readonly identity: string;
  readonly direction: "Inbound" | "Outbound" | "Any";
  readonly subject: RangeSet;
  /** Undefined: any interface. */
  readonly interfaces: InterfaceSet | undefined;
  /** Set of the owner table that whose side is the subject must be in; absent: anybody. */
  readonly owners?: number | undefined;
  /** Who pays for the work that its signatures cause, from 1; 0 or absent: nobody. */
  readonly tenant?: number | undefined;
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

/** The header of a rule, its sets as numbers. */
interface RuleSets {
  readonly spec: RuleSpec;
  readonly subject: number;
  readonly peers: number;
  readonly interfaces: number;
  readonly ports: number;
  readonly client: number;
  readonly clientPorts: number;
  readonly server: number;
  readonly serverPorts: number;
}

export class DetectionBuilder {
  readonly #rules: number[] = [];
  readonly #sets: RuleSets[] = [];
  readonly #signatures: number[] = [];
  readonly #addresses = new SetList(ALL_ADDRESSES);
  readonly #ports = new SetList(ALL_PORTS);
  readonly #interfaces: InterfaceSet[] = [];
  readonly #interfaceNumbers = new Map<string, number>();
  readonly #exact: LiteralCollector;
  readonly #folded: LiteralCollector;
  readonly #inspectBytes: number;

  constructor(options: DetectionOptions = {}) {
    this.#exact = new LiteralCollector(false, options.maximumStates);
    this.#folded = new LiteralCollector(true, options.maximumStates);
    this.#inspectBytes = options.inspectBytes ?? 0;
  }

  get ruleCount(): number {
    return this.#sets.length;
  }

  /** Number of the new rule, or why it does not fit. A rule that does not fit leaves the others as they were. */
  add(spec: RuleSpec): number | string {
    const fault = this.#whyContentsDoNotFit(spec.signatures);
    if (fault !== undefined) return fault;
    const sets = this.#setsOf(spec);
    const rule = this.ruleCount;
    const first = this.#signatures.length / SIGNATURE_WORDS;
    const signatures = spec.signatures.map((signature) => this.#encodeSignature(signature, rule, spec.identity));
    const rowsAtMost = 2 * Math.max(this.#addresses.rangeCount, this.#ports.rangeCount) + 1;
    const full = rowsAtMost * wordsFor(rule + 1) > MAX_MEMBERSHIP_WORDS;
    if (full || sets === undefined || signatures.includes(undefined)) return TABLE_FULL;
    spec.signatures.forEach(({ contents }, i) => this.#addContents(contents, first + i));
    this.#signatures.push(...signatures.flatMap((words) => words ?? []));
    this.#sets.push(sets);
    const words = new Array<number>(RULE_WORDS).fill(0);
    words[Rule.Flags] = spec.connection === undefined ? 0 : RuleFlag[spec.connection.phase];
    words[Rule.FirstSignature] = first;
    words[Rule.SignatureCount] = spec.signatures.length;
    words[Rule.Tenant] = spec.tenant ?? 0;
    [words[Rule.Identity], words[Rule.Identity + 1]] = identityOf(spec.identity) as [number, number];
    this.#rules.push(...words);
    return rule;
  }

  build(interfaces: readonly InterfaceDescription[], owners: OwnerTable = NO_OWNERS): CompiledDetection {
    const addressTable = buildAddressTable(this.#addresses.sets);
    const portTable = buildPortTable(this.#ports.sets);
    const interfaceTable = buildInterfaceTable(this.#interfaces, interfaces);
    return {
      ruleCount: this.ruleCount,
      rules: sharedWords(this.#rules),
      ruleBits: this.#ruleBits(addressTable, portTable, interfaceTable, owners),
      signatureCount: this.#signatures.length / SIGNATURE_WORDS,
      signatures: sharedWords(this.#signatures),
      addresses: addressTable,
      ports: portTable,
      interfaces: interfaceTable,
      owners,
      exact: this.#exact.build(),
      folded: this.#folded.build(),
      inspectBytes: this.#inspectBytes,
    };
  }

  /** What build() gave, for other interfaces and owners: everything else is shared with it. */
  withSubjects(compiled: CompiledDetection, interfaces: readonly InterfaceDescription[], owners: OwnerTable = NO_OWNERS): CompiledDetection {
    const table = buildInterfaceTable(this.#interfaces, interfaces);
    return { ...compiled, interfaces: table, owners, ruleBits: { ...compiled.ruleBits, ...this.#interfaceBits(table), owners: this.#ownerBits(owners) } };
  }

  #ownerBits(table: OwnerTable): Uint32Array {
    return rulesOfRows(table, this.#sets.map(({ spec }) => spec.owners ?? ANYTHING));
  }

  #interfaceBits(table: Membership): Pick<RuleBits, "senders" | "receivers"> {
    // A rule without an interface set is in `anyInterface`, never in a row.
    const rows = (plane: number) => rulesOfRows(table, this.#sets.map((rule) => (rule.interfaces === ANYTHING ? NO_SET : rule.interfaces * 2 + plane)));
    return { senders: rows(0), receivers: rows(1) };
  }

  #ruleBits(addresses: Membership, ports: Membership, interfaces: Membership, owners: OwnerTable): RuleBits {
    const rules = this.#sets;
    const rows = (table: Membership, setOf: (rule: RuleSets) => number) => rulesOfRows(table, rules.map(setOf));
    const connects = (phase: ConnectionSpec["phase"]) => rulesWhere(rules, ({ spec }) => spec.connection?.phase === phase && spec.signatures.length === 0);
    return {
      ruleWords: wordsFor(rules.length),
      clientPorts: rows(ports, (rule) => rule.clientPorts),
      serverPorts: joinRows(rows(ports, (rule) => rule.ports), rows(ports, (rule) => rule.serverPorts)),
      clients: rows(addresses, (rule) => rule.client),
      servers: rows(addresses, (rule) => rule.server),
      subjects: rows(addresses, (rule) => rule.subject),
      peers: rows(addresses, (rule) => rule.peers),
      ...this.#interfaceBits(interfaces),
      owners: this.#ownerBits(owners),
      anyInterface: rulesWhere(rules, (rule) => rule.interfaces === ANYTHING),
      inbound: rulesWhere(rules, ({ spec }) => spec.direction !== "Outbound"),
      outbound: rulesWhere(rules, ({ spec }) => spec.direction !== "Inbound"),
      handshake: connects("Handshake"),
      established: connects("Established"),
      signed: rulesWhere(rules, ({ spec }) => spec.signatures.length > 0),
    };
  }

  #setsOf(spec: RuleSpec): RuleSets | undefined {
    const { connection } = spec;
    const sets = {
      spec,
      interfaces: this.#interfaceSet(spec.interfaces),
      subject: this.#addresses.add(spec.subject),
      peers: this.#addresses.add(spec.peers),
      ports: this.#ports.add(spec.ports),
      client: this.#addresses.add(connection?.client ?? ALL_ADDRESSES),
      clientPorts: this.#ports.add(connection?.clientPorts ?? ALL_PORTS),
      server: this.#addresses.add(connection?.server ?? ALL_ADDRESSES),
      serverPorts: this.#ports.add(connection?.serverPorts ?? ALL_PORTS),
    };
    return Object.values(sets).includes(undefined) ? undefined : (sets as RuleSets);
  }

  #whyContentsDoNotFit(signatures: readonly Signature[]): string | undefined {
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
      (signature.bidirectional ? SignatureFlag.Bidirectional : 0) |
      (contents.some(({ nocase }) => !nocase) ? SignatureFlag.Exact : 0) |
      (contents.some(({ nocase }) => nocase) ? SignatureFlag.Folded : 0);
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

/** A set that no table has. */
const NO_SET = Number.MAX_SAFE_INTEGER;

const TABLE_FULL = "Cannot hold more address or port sets: the table is full";
