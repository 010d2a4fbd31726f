/**
 * Asks rules and signatures whether a flow's tuple and interfaces fit them. Addresses, ports and interfaces are looked
 * up once a flow, all rules are then judged together: see ruleBits.ts.
 */
import { PacketDirection } from "../decode/mod.ts";
import { Field, FLOW_WORDS, SIDE_WORDS, SideField, TapInfo } from "../flow/mod.ts";
import { rowOfAddress } from "./addresses.ts";
import { type CompiledDetection, SIGNATURE_WORDS, SignatureField, SignatureFlag } from "./compiled.ts";
import { rowOfInterface } from "./interfaces.ts";
import { has } from "./membership.ts";
import type { FlowRecords } from "./records.ts";

export class FlowHeader {
  readonly #words: Int32Array;
  #compiled: CompiledDetection;
  /** One bit a rule: those that the flow fits. */
  fitting: Uint32Array;
  /** Rows of the initiator and the responder, and of their ports. */
  #address0 = 0;
  #address1 = 0;
  #port0 = 0;
  #port1 = 0;

  constructor(records: FlowRecords, compiled: CompiledDetection) {
    this.#words = records.words;
    this.#compiled = compiled;
    this.fitting = new Uint32Array(compiled.ruleBits.ruleWords);
  }

  use(compiled: CompiledDetection): void {
    this.#compiled = compiled;
    this.fitting = new Uint32Array(compiled.ruleBits.ruleWords);
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
  }

  /** Whether the flow is one that the rule is about: subject, peers, ports, direction, and its connection detector's ends. */
  fitsRule(rule: number): boolean {
    return ((this.fitting[rule >>> 5]! >>> (rule & 31)) & 1) !== 0;
  }

  #joinRows(base: number, interfaceIndex: number): void {
    const { clientPorts, serverPorts, clients, servers, subjects, peers, senders, receivers, anyInterface, inbound, outbound, ruleWords } = this.#compiled.ruleBits;
    const { fitting } = this;
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
      const responder = inbound[i]! & subjects[address1 + i]! & peers[address0 + i]! & in1;
      const initiator = outbound[i]! & subjects[address0 + i]! & peers[address1 + i]! & in0;
      fitting[i] = ends & (responder | initiator);
    }
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

function enters(tapInfo: number): boolean {
  return (tapInfo & TapInfo.DirectionMask) >>> TapInfo.DirectionShift !== PacketDirection.Outgoing;
}
