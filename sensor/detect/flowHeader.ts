/**
 * Asks rules and signatures whether a flow's tuple and interfaces fit them. Addresses, ports and interfaces are looked
 * up once a flow; each rule then costs a few bit tests.
 */
import { PacketDirection } from "../decode/mod.ts";
import { Field, FLOW_WORDS, SIDE_WORDS, SideField, TapInfo } from "../flow/record.ts";
import { rowOfAddress } from "./addresses.ts";
import { type CompiledDetection, RULE_WORDS, Rule, RuleFlag, SIGNATURE_WORDS, SignatureField, SignatureFlag } from "./compiled.ts";
import { rowOfInterface } from "./interfaces.ts";
import { has } from "./membership.ts";
import type { FlowRecords } from "./records.ts";

export class FlowHeader {
  readonly #words: Int32Array;
  #compiled: CompiledDetection;
  /** Rows of the initiator and of the responder. */
  #address0 = 0;
  #address1 = 0;
  #port0 = 0;
  #port1 = 0;
  /** Row of the interface of each side's tap, -1 for none; whether the side's packets enter the host there. */
  #tap0 = -1;
  #tap1 = -1;
  #enters0 = false;
  #enters1 = false;

  constructor(records: FlowRecords, compiled: CompiledDetection) {
    this.#words = records.words;
    this.#compiled = compiled;
  }

  use(compiled: CompiledDetection): void {
    this.#compiled = compiled;
  }

  /**
   * Looks the flow up; the questions below are about it until the next call. `interfaceIndex`, or 0, is where its
   * initiator's packet was seen: it counts while neither side has a tap.
   */
  load(slot: number, interfaceIndex: number): void {
    const words = this.#words;
    const base = slot * FLOW_WORDS;
    const { addresses, ports, interfaces } = this.#compiled;
    this.#address0 = rowOfAddress(addresses, words, base + Field.InitiatorAddress);
    this.#address1 = rowOfAddress(addresses, words, base + Field.ResponderAddress);
    const pair = words[base + Field.Ports]!;
    this.#port0 = ports.rows[pair >>> 16]!;
    this.#port1 = ports.rows[pair & 0xffff]!;
    if (interfaces.indexes.length === 0) return;
    const side0 = base + Field.Sides;
    const side1 = side0 + SIDE_WORDS;
    const tap0 = words[side0 + SideField.Tap]!;
    const tap1 = words[side1 + SideField.Tap]!;
    this.#tap0 = this.#tapRow(tap0 === 0 && tap1 === 0 ? interfaceIndex : tap0);
    this.#tap1 = this.#tapRow(tap1);
    this.#enters0 = enters(words[side0 + SideField.TapInfo]!);
    this.#enters1 = enters(words[side1 + SideField.TapInfo]!);
  }

  /** Whether the flow is one that the rule is about: subject, peers, ports, direction, and its connection detector's ends. */
  fitsRule(rule: number): boolean {
    const { rules, addresses, ports } = this.#compiled;
    const at = rule * RULE_WORDS;
    if (!has(ports, this.#port1, rules[at + Rule.Ports]!)) return false;
    if (!has(ports, this.#port1, rules[at + Rule.ServerPorts]!)) return false;
    if (!has(ports, this.#port0, rules[at + Rule.ClientPorts]!)) return false;
    if (!has(addresses, this.#address0, rules[at + Rule.ClientAddresses]!)) return false;
    if (!has(addresses, this.#address1, rules[at + Rule.ServerAddresses]!)) return false;
    const flags = rules[at + Rule.Flags]!;
    if ((flags & RuleFlag.Inbound) !== 0 && this.#fitsEnds(at, 1)) return true;
    return (flags & RuleFlag.Outbound) !== 0 && this.#fitsEnds(at, 0);
  }

  /** Whether bytes that `side` sends are the signature's: its header and flow direction. */
  fitsSignature(signature: number, side: number): boolean {
    const { signatures } = this.#compiled;
    const at = signature * SIGNATURE_WORDS;
    const flags = signatures[at + SignatureField.Flags]!;
    if ((flags & (side === 0 ? SignatureFlag.FromInitiator : SignatureFlag.FromResponder)) === 0) return false;
    if (this.#fitsWay(at, side)) return true;
    return (flags & SignatureFlag.Bidirectional) !== 0 && this.#fitsWay(at, 1 - side);
  }

  /** `subject` is the side that would be the subject; the other is the peer. */
  #fitsEnds(at: number, subject: number): boolean {
    const { rules, addresses } = this.#compiled;
    const subjectRow = subject === 0 ? this.#address0 : this.#address1;
    const peerRow = subject === 0 ? this.#address1 : this.#address0;
    if (!has(addresses, subjectRow, rules[at + Rule.SubjectAddresses]!)) return false;
    if (!has(addresses, peerRow, rules[at + Rule.PeerAddresses]!)) return false;
    const set = rules[at + Rule.SubjectInterfaces]!;
    return set < 0 || this.#livesBehind(set, subject);
  }

  #livesBehind(set: number, subject: number): boolean {
    const { interfaces } = this.#compiled;
    const sender = set * 2;
    const receiver = sender + 1;
    const { bits, rowWords } = interfaces;
    const own = subject === 0 ? this.#tap0 : this.#tap1;
    const ownEnters = subject === 0 ? this.#enters0 : this.#enters1;
    if (own >= 0 && bit(bits, rowWords, own, ownEnters ? sender : receiver)) return true;
    const other = subject === 0 ? this.#tap1 : this.#tap0;
    const otherEnters = subject === 0 ? this.#enters1 : this.#enters0;
    return other >= 0 && bit(bits, rowWords, other, otherEnters ? receiver : sender);
  }

  /** `source` is the side that would be the signature's source. */
  #fitsWay(at: number, source: number): boolean {
    const { signatures, addresses, ports } = this.#compiled;
    const sourceAddress = source === 0 ? this.#address0 : this.#address1;
    const destinationAddress = source === 0 ? this.#address1 : this.#address0;
    return (
      has(ports, source === 0 ? this.#port0 : this.#port1, signatures[at + SignatureField.SourcePorts]!) &&
      has(ports, source === 0 ? this.#port1 : this.#port0, signatures[at + SignatureField.DestinationPorts]!) &&
      has(addresses, sourceAddress, signatures[at + SignatureField.SourceAddresses]!) &&
      has(addresses, destinationAddress, signatures[at + SignatureField.DestinationAddresses]!)
    );
  }

  #tapRow(index: number): number {
    return index === 0 ? -1 : rowOfInterface(this.#compiled.interfaces, index);
  }
}

function enters(tapInfo: number): boolean {
  return (tapInfo & TapInfo.DirectionMask) >>> TapInfo.DirectionShift !== PacketDirection.Outgoing;
}

function bit(bits: Uint32Array, rowWords: number, row: number, number: number): boolean {
  return ((bits[row * rowWords + (number >>> 5)]! >>> (number & 31)) & 1) !== 0;
}
