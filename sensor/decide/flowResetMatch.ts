/** Whether a flow is one that a FlowReset names. */
import { has, ownerOfSide } from "../detect/mod.ts";
import { Field, FLOW_WORDS, FlowFlag, FlowState, twinFlip } from "../flow/mod.ts";
import { type CompiledPolicy, FLOW_RESET_WORDS, FlowResetField } from "./compiled.ts";

/**
 * The client is the side that sent the SYN; where that was only inferred the flow matches either way round. Flows that
 * have ended match nothing.
 */
export function flowResetMatches(compiled: CompiledPolicy, words: Int32Array, index: number, slot: number): boolean {
  const { flowResets } = compiled;
  const base = slot * FLOW_WORDS;
  const state = words[base + Field.State]!;
  if (state === FlowState.Free || state === FlowState.Closed) return false;
  const at = index * FLOW_RESET_WORDS;
  if (matchesWay(flowResets, at, words, base, 0) && matchesPods(compiled, at, words, slot, 0)) return true;
  return (words[base + Field.Flags]! & FlowFlag.Inferred) !== 0 && matchesWay(flowResets, at, words, base, 1) && matchesPods(compiled, at, words, slot, 1);
}

/** A pod is seen under the tuple that stands at its own interface. */
function matchesPods({ flowResets, detection: { owners } }: CompiledPolicy, at: number, words: Int32Array, slot: number, client: number): boolean {
  const clientPods = flowResets[at + FlowResetField.ClientPods]!;
  const serverPods = flowResets[at + FlowResetField.ServerPods]!;
  if (clientPods < 0 && serverPods < 0) return true;
  const twin = words[slot * FLOW_WORDS + Field.Twin]!;
  const flip = twin < 0 ? 0 : twinFlip(words, slot, twin);
  const isIn = (set: number, side: number): boolean =>
    has(owners, owners.rows[ownerOfSide(owners, words, slot * FLOW_WORDS, side)]!, set) ||
    (twin >= 0 && has(owners, owners.rows[ownerOfSide(owners, words, twin * FLOW_WORDS, side ^ flip)]!, set));
  return isIn(clientPods, client) && isIn(serverPods, client ^ 1);
}

/** Whether it names one connection, both addresses and both ports: then even one that nobody has seen can be asked for. */
export function flowResetIsExact({ flowResets }: CompiledPolicy, index: number): boolean {
  const at = index * FLOW_RESET_WORDS;
  for (let i = 4; i < 8; i++) {
    if (flowResets[at + FlowResetField.Client + i] !== -1 || flowResets[at + FlowResetField.Server + i] !== -1) return false;
  }
  return flowResets[at + FlowResetField.ClientPort] !== 0 && flowResets[at + FlowResetField.ServerPort] !== 0;
}

/** `client` is the side that would be the client. */
function matchesWay(resets: Int32Array, at: number, words: Int32Array, base: number, client: number): boolean {
  const pair = words[base + Field.Ports]!;
  const clientPort = client === 0 ? pair >>> 16 : pair & 0xffff;
  const serverPort = client === 0 ? pair & 0xffff : pair >>> 16;
  const wantedClientPort = resets[at + FlowResetField.ClientPort]!;
  const wantedServerPort = resets[at + FlowResetField.ServerPort]!;
  if (wantedClientPort !== 0 && wantedClientPort !== clientPort) return false;
  if (wantedServerPort !== 0 && wantedServerPort !== serverPort) return false;
  const ipv4 = (words[base + Field.Flags]! & FlowFlag.Ipv4) !== 0;
  const clientAddress = base + (client === 0 ? Field.InitiatorAddress : Field.ResponderAddress);
  const serverAddress = base + (client === 0 ? Field.ResponderAddress : Field.InitiatorAddress);
  return (
    inPrefix(resets, at + FlowResetField.Client, resets[at + FlowResetField.ClientFamily]!, words, clientAddress, ipv4) &&
    inPrefix(resets, at + FlowResetField.Server, resets[at + FlowResetField.ServerFamily]!, words, serverAddress, ipv4)
  );
}

function inPrefix(resets: Int32Array, at: number, family: number, words: Int32Array, address: number, ipv4: boolean): boolean {
  if (family === 0) return true;
  if (ipv4 !== (family === 4)) return false;
  for (let i = 0; i < 4; i++) {
    if (((words[address + i]! ^ resets[at + i]!) & resets[at + 4 + i]!) !== 0) return false;
  }
  return true;
}
