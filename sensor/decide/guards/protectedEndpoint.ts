/** API server, kubelet, DNS, management ports, the session of who started the sensor: never reset, by nobody. */
import { Field, FlowFlag } from "../../flow/mod.ts";
import { has } from "../../detect/mod.ts";
import { CALL_WORDS, CallField, CONNECTION_WORDS, ConnectionField, ENDPOINT_WORDS, EndpointField } from "../compiled.ts";
import { protectionReason } from "../protection.ts";
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";

/** Both tuples of a connection that passes NAT are asked: either may be the one that is protected. */
export function protectedEndpoint(question: Question): Reason | 0 {
  const reason = protectedCall(question) || protectedEnd(question, question.base, question.row0, question.row1);
  if (reason !== 0 || question.twinBase < 0) return reason;
  return protectedEnd(question, question.twinBase, question.twinRow0, question.twinRow1);
}

function protectedEnd(question: Question, base: number, row0: number, row1: number): Reason | 0 {
  const { addresses, ports, protectedEndpoints } = question.compiled.guards;
  const pair = question.words[base + Field.Ports]!;
  const port0 = ports.rows[pair >>> 16]!;
  const port1 = ports.rows[pair & 0xffff]!;
  // Who is the server was only inferred: then either may be.
  const eitherWay = (question.words[base + Field.Flags]! & FlowFlag.Inferred) !== 0;
  for (let at = 0; at < protectedEndpoints.length; at += ENDPOINT_WORDS) {
    const set = protectedEndpoints[at + EndpointField.Addresses]!;
    const portSet = protectedEndpoints[at + EndpointField.Ports]!;
    const atServer = has(addresses, row1, set);
    const atClient = has(addresses, row0, set);
    const isProtected = (atServer && has(ports, port1, portSet))
      || (atClient && protectedEndpoints[at + EndpointField.AsInitiator] === 1)
      || (eitherWay && atClient && has(ports, port0, portSet));
    if (isProtected) return protectionReason(protectedEndpoints[at + EndpointField.Protection]!);
  }
  return isProtectedConnection(question, base) ? Reason.ProtectedSession : 0;
}

/** Of a connection that passes NAT the caller must fit under both tuples, the called side under either. */
function protectedCall(question: Question): Reason | 0 {
  const { words, base, row0, row1, twinBase, twinRow0, twinRow1 } = question;
  const { protectedCalls } = question.compiled.guards;
  const pair = words[base + Field.Ports]!;
  const twinPair = twinBase < 0 ? 0 : words[twinBase + Field.Ports]!;
  for (let at = 0; at < protectedCalls.length; at += CALL_WORDS) {
    const isSameCaller = twinBase < 0 || calledBy(question, at, twinRow0);
    const toServer = isSameCaller && calledBy(question, at, row0)
      && (calls(question, at, row1, pair & 0xffff) || (twinBase >= 0 && calls(question, at, twinRow1, twinPair & 0xffff)));
    // Who is the server was only inferred: then either may be.
    const eitherWay = (words[base + Field.Flags]! & FlowFlag.Inferred) !== 0;
    const toClient = eitherWay && calledBy(question, at, row1) && calls(question, at, row0, pair >>> 16);
    if (toServer || toClient) return protectionReason(protectedCalls[at + CallField.Protection]!);
  }
  return 0;
}

function calledBy({ compiled: { guards } }: Question, call: number, row: number): boolean {
  return has(guards.addresses, row, guards.protectedCalls[call + CallField.From]!);
}

function calls({ compiled: { guards } }: Question, call: number, row: number, port: number): boolean {
  return has(guards.addresses, row, guards.protectedCalls[call + CallField.To]!) && has(guards.ports, guards.ports.rows[port]!, guards.protectedCalls[call + CallField.Ports]!);
}

function isProtectedConnection(question: Question, base: number): boolean {
  const { words } = question;
  const list = question.compiled.guards.protectedConnections;
  const pair = words[base + Field.Ports]!;
  const turned = (pair << 16) | (pair >>> 16);
  for (let at = 0; at < list.length; at += CONNECTION_WORDS) {
    const ports = list[at + ConnectionField.Ports]!;
    if (ports === pair && sameAddresses(list, at, words, base + Field.InitiatorAddress, base + Field.ResponderAddress)) return true;
    if (ports === turned && sameAddresses(list, at, words, base + Field.ResponderAddress, base + Field.InitiatorAddress)) return true;
  }
  return false;
}

function sameAddresses(list: Int32Array, at: number, words: Int32Array, client: number, server: number): boolean {
  for (let i = 0; i < 4; i++) {
    if (list[at + ConnectionField.Client + i] !== words[client + i]) return false;
    if (list[at + ConnectionField.Server + i] !== words[server + i]) return false;
  }
  return true;
}
