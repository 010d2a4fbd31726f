/**
 * Asks rules and signatures whether a flow's tuple and interfaces fit them. Addresses, ports and interfaces are looked
 * up once a flow, all rules are then judged together: see ruleBits.ts.
 */
import { PacketDirection } from "../decode/mod.ts";
import { Field, FLOW_WORDS, SIDE_WORDS, SideField, TapInfo } from "../flow/mod.ts";
import { rowOfAddress } from "./addresses.ts";
import { type CompiledDetection, SIGNATURE_WORDS, SignatureField, SignatureFlag } from "./compiled.ts";
import { rowOfInterface } from "./interfaces.ts";
import { MAX_UNKNOWN_BYTES } from "./limits.ts";
import { has } from "./membership.ts";
import { mayBeUnknownPod, Owner, ownerOfSide } from "./owners.ts";
import type { FlowRecords } from "./records.ts";

export class FlowHeader {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  #compiled: CompiledDetection;
  /** One bit a rule: those that the flow fits; those that it may fit once it is known whose a new pod's side is. */
  fitting: Uint32Array;
  possible: Uint32Array;
  /** Those that it fitted by the owners of loadBefore(). */
  before: Uint32Array;
  /** Owners of both sides (owners.ts), side 0 in the high half. */
  owners = 0;
  /** True where `possible` may be more than `fitting`. */
  isUnknown = false;
  /** Without regard to owners: rules whose subject may be the responder, the initiator. */
  #responder: Uint32Array;
  #initiator: Uint32Array;
  /** Rows of the initiator and the responder, and of their ports. */
  #address0 = 0;
  #address1 = 0;
  #port0 = 0;
  #port1 = 0;

  constructor(records: FlowRecords, compiled: CompiledDetection) {
    this.#words = records.words;
    this.#doubles = records.doubles;
    this.#compiled = compiled;
    this.fitting = this.possible = this.before = this.#responder = this.#initiator = new Uint32Array(0);
    this.use(compiled);
  }

  use(compiled: CompiledDetection): void {
    const { ruleWords } = compiled.ruleBits;
    this.#compiled = compiled;
    this.fitting = new Uint32Array(ruleWords);
    this.owners = 0;
    this.isUnknown = false;
    if (!compiled.owners.isAsked) {
      this.possible = this.before = this.fitting;
      return;
    }
    this.possible = new Uint32Array(ruleWords);
    this.before = new Uint32Array(ruleWords);
    this.#responder = new Uint32Array(ruleWords);
    this.#initiator = new Uint32Array(ruleWords);
  }

  /**
   * Looks the flow up; the questions below are about it until the next call. `interfaceIndex`, or 0, is where its
   * initiator's packet was seen: it counts while neither side has a tap.
   */
  load(slot: number, interfaceIndex: number): void {
    const words = this.#words;
    const base = slot * FLOW_WORDS;
    const { addresses, ports } = this.#compiled;
    this.#address0 = rowOfAddress(addresses, words, base + Field.InitiatorAddress);
    this.#address1 = rowOfAddress(addresses, words, base + Field.ResponderAddress);
    const pair = words[base + Field.Ports]!;
    this.#port0 = ports.rows[pair >>> 16]!;
    this.#port1 = ports.rows[pair & 0xffff]!;
    this.#joinRows(base, interfaceIndex);
    if (this.#compiled.owners.isAsked) this.#askOwners(base);
  }

  /** Fills `before`, for the flow that is loaded: what it fitted while its sides were those owners'. */
  loadBefore(owners: number): void {
    if (!this.#compiled.owners.isAsked) return;
    this.#joinOwners(this.before, (owners >>> 16) & OWNER_MASK, owners & OWNER_MASK);
  }

  /** Whether the flow is one that the rule is about: subject, peers, ports, direction, and its connection detector's ends. */
  fitsRule(rule: number): boolean {
    return ((this.fitting[rule >>> 5]! >>> (rule & 31)) & 1) !== 0;
  }

  /** The same, for all that is not known of it. */
  mayFitRule(rule: number): boolean {
    return ((this.possible[rule >>> 5]! >>> (rule & 31)) & 1) !== 0;
  }

  #joinRows(base: number, interfaceIndex: number): void {
    const { clientPorts, serverPorts, clients, servers, subjects, peers, senders, receivers, anyInterface, inbound, outbound, ruleWords } = this.#compiled.ruleBits;
    const { fitting } = this;
    const { isAsked } = this.#compiled.owners;
    const address0 = this.#address0 * ruleWords;
    const address1 = this.#address1 * ruleWords;
    const port0 = this.#port0 * ruleWords;
    const port1 = this.#port1 * ruleWords;
    const side0 = base + Field.Sides;
    const side1 = side0 + SIDE_WORDS;
    const seen0 = this.#words[side0 + SideField.Tap]!;
    const seen1 = this.#words[side1 + SideField.Tap]!;
    const tap0 = this.#tapRow(seen0 === 0 && seen1 === 0 ? interfaceIndex : seen0) * ruleWords;
    const tap1 = this.#tapRow(seen1) * ruleWords;
    // Who enters the host at its tap is the sender there; who leaves by it is who is sent to from beyond.
    const enters0 = enters(this.#words[side0 + SideField.TapInfo]!);
    const enters1 = enters(this.#words[side1 + SideField.TapInfo]!);
    for (let i = 0; i < ruleWords; i++) {
      let in0 = anyInterface[i]!;
      let in1 = in0;
      if (tap0 >= 0) {
        in0 |= (enters0 ? senders : receivers)[tap0 + i]!;
        in1 |= (enters0 ? receivers : senders)[tap0 + i]!;
      }
      if (tap1 >= 0) {
        in1 |= (enters1 ? senders : receivers)[tap1 + i]!;
        in0 |= (enters1 ? receivers : senders)[tap1 + i]!;
      }
      const ends = clientPorts[port0 + i]! & serverPorts[port1 + i]! & clients[address0 + i]! & servers[address1 + i]!;
      const responder = ends & inbound[i]! & subjects[address1 + i]! & peers[address0 + i]! & in1;
      const initiator = ends & outbound[i]! & subjects[address0 + i]! & peers[address1 + i]! & in0;
      fitting[i] = responder | initiator;
      if (!isAsked) continue;
      this.#responder[i] = responder;
      this.#initiator[i] = initiator;
    }
  }

  #askOwners(base: number): void {
    const { owners: table } = this.#compiled;
    const owner0 = ownerOfSide(table, this.#words, base, 0);
    const owner1 = ownerOfSide(table, this.#words, base, 1);
    this.owners = (owner0 << 16) | owner1;
    this.#joinOwners(this.fitting, owner0, owner1);
    const unknown0 = owner0 === Owner.Nobody && this.#mayBeUnknown(base, 0);
    const unknown1 = owner1 === Owner.Nobody && this.#mayBeUnknown(base, 1);
    this.isUnknown = unknown0 || unknown1;
    for (let i = 0; i < this.fitting.length; i++) {
      this.possible[i] = this.fitting[i]! | (unknown0 ? this.#initiator[i]! : 0) | (unknown1 ? this.#responder[i]! : 0);
    }
  }

  #mayBeUnknown(base: number, side: number): boolean {
    const bytes = this.#doubles[(base + Field.Sides + side * SIDE_WORDS + SideField.Bytes) >> 1]!;
    return bytes <= MAX_UNKNOWN_BYTES && mayBeUnknownPod(this.#compiled.owners, this.#words, base, side);
  }

  #joinOwners(target: Uint32Array, owner0: number, owner1: number): void {
    const { owners: table, ruleBits: { owners, ruleWords } } = this.#compiled;
    const at0 = table.rows[owner0]! * ruleWords;
    const at1 = table.rows[owner1]! * ruleWords;
    for (let i = 0; i < ruleWords; i++) target[i] = (this.#initiator[i]! & owners[at0 + i]!) | (this.#responder[i]! & owners[at1 + i]!);
  }

  /** Whether bytes that `side` sends are the signature's: its header and flow direction. */
  fitsSignature(signature: number, side: number): boolean {
    const { signatures } = this.#compiled;
    const at = signature * SIGNATURE_WORDS;
    const flags = signatures[at + SignatureField.Flags]!;
    if ((flags & (side === 0 ? SignatureFlag.FromInitiator : SignatureFlag.FromResponder)) === 0) return false;
    if (this.#fitsWay(signatures, at, side)) return true;
    return (flags & SignatureFlag.Bidirectional) !== 0 && this.#fitsWay(signatures, at, 1 - side);
  }

  /** `source` is the side that would be the signature's source. */
  #fitsWay(signatures: Int32Array, at: number, source: number): boolean {
    const { addresses, ports } = this.#compiled;
    return (
      has(ports, source === 0 ? this.#port0 : this.#port1, signatures[at + SignatureField.SourcePorts]!) &&
      has(ports, source === 0 ? this.#port1 : this.#port0, signatures[at + SignatureField.DestinationPorts]!) &&
      has(addresses, source === 0 ? this.#address0 : this.#address1, signatures[at + SignatureField.SourceAddresses]!) &&
      has(addresses, source === 0 ? this.#address1 : this.#address0, signatures[at + SignatureField.DestinationAddresses]!)
    );
  }

  /** -1 where there is none, or no rule asks. */
  #tapRow(index: number): number {
    return index === 0 ? -1 : rowOfInterface(this.#compiled.interfaces, index);
  }
}

const OWNER_MASK = 0x7fff;

function enters(tapInfo: number): boolean {
  return (tapInfo & TapInfo.DirectionMask) >>> TapInfo.DirectionShift !== PacketDirection.Outgoing;
}
