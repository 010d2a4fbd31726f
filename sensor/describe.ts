/** A connection in the words of events and of the local socket. Slow path: it allocates. */
import type { FlowLine } from "./control/mod.ts";
import { formatAddress } from "./decode/mod.ts";
import { Field, FlowFlag, FlowState } from "./flow/mod.ts";
import type { FlowTable } from "./flow/mod.ts";
import type { OutcomeRecord } from "./inject/mod.ts";
import { flowId } from "./report/mod.ts";
import type { EventFlow } from "./report/mod.ts";

/** Name of an interface index, of the packet's own capture. */
export type InterfaceName = (interfaceIndex: number) => string;

const STATES = Object.keys(FlowState);

export function flowStateName(state: number): string {
  return STATES[state] ?? `Unknown${state}`;
}

/** The number of a connection in events: the same for its whole life. */
function flowNumber(table: FlowTable, slot: number): number {
  const birth = table.hasFlag(slot, FlowFlag.Isn0) ? table.isn(slot, 0) >>> 0 : table.createdMs(slot);
  return flowId(table.words, table.base(slot), birth);
}

/** `interfaceIndex` 0: where the initiator's packets are seen. */
export function describeFlow(table: FlowTable, slot: number, nameOf: InterfaceName, interfaceIndex = 0): EventFlow {
  const base = table.base(slot);
  return {
    flowId: flowNumber(table, slot),
    client: { ip: addressAt(table.words, base + Field.InitiatorAddress), port: table.port(slot, 0) },
    server: { ip: addressAt(table.words, base + Field.ResponderAddress), port: table.port(slot, 1) },
    interface: nameOf(interfaceIndex || table.tap(slot, 0) || table.tap(slot, 1)),
    startMs: table.createdMs(slot),
    packetsToServer: table.packets(slot, 0),
    packetsToClient: table.packets(slot, 1),
    bytesToServer: table.bytes(slot, 0),
    bytesToClient: table.bytes(slot, 1),
    state: flowStateName(table.state(slot)).toLowerCase(),
    inferred: table.hasFlag(slot, FlowFlag.Inferred),
  };
}

/** A connection of which the table knows nothing (any more): what the outcome itself tells. */
export function describeUnseen(record: OutcomeRecord): EventFlow {
  const words = new Int32Array(9);
  words.set(record.address);
  words[8] = (record.clientPort << 16) | record.serverPort;
  return {
    flowId: flowId(words, 0, record.clientIsn !== 0 ? record.clientIsn >>> 0 : record.startedMs),
    client: { ip: addressAt(record.address, 0), port: record.clientPort },
    server: { ip: addressAt(record.address, 4), port: record.serverPort },
    interface: "",
    startMs: record.startedMs,
    packetsToServer: 0,
    packetsToClient: 0,
    bytesToServer: 0,
    bytesToClient: 0,
    state: "unseen",
    inferred: false,
  };
}

/** One line of `flowreset flows`. */
export function flowLine(table: FlowTable, slot: number, nameOf: InterfaceName, nowMs: number, findings: readonly string[]): FlowLine {
  const flow = describeFlow(table, slot, nameOf);
  return {
    flow_id: flow.flowId,
    client: flow.client,
    server: flow.server,
    state: flowStateName(table.state(slot)),
    inferred: flow.inferred,
    ageMs: Math.max(0, Math.round(nowMs - flow.startMs)),
    idleMs: Math.max(0, Math.round(nowMs - table.lastSeenMs(slot))),
    bytesToServer: flow.bytesToServer,
    bytesToClient: flow.bytesToClient,
    packetsToServer: flow.packetsToServer,
    packetsToClient: flow.packetsToClient,
    interface: flow.interface,
    findings,
  };
}

function addressAt(words: Int32Array, at: number): string {
  return formatAddress(words[at], words[at + 1], words[at + 2], words[at + 3]);
}
