/** Settings to the tables that the guards ask. */
import type { SensorSettingsSpec } from "../../crds/mod.ts";
import { parseAddress } from "../../crds/values/mod.ts";
import { ALL_PORTS, ANYTHING, buildAddressTable, cidrsToRanges, type InterfaceDescription, type portTableBuilder, portsToRanges, SetList, type SetReserve, sharedWords } from "../detect/mod.ts";
import { CONNECTION_WORDS, type GuardTables } from "./compiled.ts";
import { type Protection, protectionNumber } from "./protection.ts";
import type { ClusterView } from "./subjects/mod.ts";

/** For the sets of probes, and the pods that they ask, of a node that has none yet. */
const LEAST_RESERVE: SetReserve = { sets: 256, ranges: 8_192 };

/** One connection that is never reset: the ssh session of who started the sensor. */
export interface ProtectedConnection {
  readonly client: { readonly ip: string; readonly port: number };
  readonly server: { readonly ip: string; readonly port: number };
}

/** Calls that are never reset: a probe of the kubelet, a call of the API server. Of a part left out any will do. */
export interface ProtectedCall {
  /** What it is told as: "Endpoint" where left out. */
  readonly as?: Protection;
  /** CIDRs of who calls: on every tuple of the connection, so that a masqueraded call of another's is none. */
  readonly from?: readonly string[];
  readonly to?: readonly string[];
  /** Of the called side. */
  readonly ports?: readonly string[];
}

export interface GuardInput {
  readonly settings: SensorSettingsSpec;
  readonly interfaces: readonly InterfaceDescription[];
  readonly protectedConnections: readonly ProtectedConnection[];
  /** CIDRs that cluster policies exempt, for every policy. */
  readonly exemptForAll: readonly string[];
  readonly cluster: ClusterView | undefined;
  /** Of each policy, then of each FlowReset; "" for none. */
  readonly namespaces: readonly string[];
  /** One for all guards of the same policies. */
  readonly buildPortTable: ReturnType<typeof portTableBuilder>;
}

/** `addresses` already holds the policies' own exemptions. */
export function compileGuards(addresses: SetList, input: GuardInput): GuardTables {
  const { settings, interfaces, cluster } = input;
  const ports = new SetList(ALL_PORTS);
  const endpoints: number[] = [];
  const protect = (cidrs: readonly string[], portTexts: readonly string[], asInitiator: boolean, as: Protection): void => {
    endpoints.push(required(addresses.add(cidrsToRanges(cidrs))), required(ports.add(portsToRanges(portTexts))), asInitiator ? 1 : 0, protectionNumber(as));
  };
  for (const { cidr, ports: texts } of settings.protectedEndpoints) protect([cidr], texts, texts.length === 0, "Endpoint");
  const own = interfaces.flatMap((description) => description.addresses);
  if (settings.managementPorts.length > 0) protect(own, settings.managementPorts, false, "ManagementPort");
  const setOf = (cidrs: readonly string[] | undefined): number => (cidrs === undefined ? ANYTHING : required(addresses.add(cidrsToRanges(cidrs))));
  const calls = (cluster?.protectedCalls ?? []).flatMap(({ from, to, ports: texts, as = "Endpoint" }) => [setOf(from), setOf(to), required(ports.add(portsToRanges(texts ?? []))), protectionNumber(as)]);
  const exemptForAll = required(addresses.add(cidrsToRanges(input.exemptForAll)));
  const sharedClients = required(addresses.add(cidrsToRanges([...settings.sharedClients, ...own])));
  const remotePods = required(addresses.add(cidrsToRanges(cluster?.podCidrs ?? [])));
  return {
    addresses: buildAddressTable(addresses.sets),
    ports: input.buildPortTable(ports.sets),
    protectedEndpoints: sharedWords(endpoints),
    protectedCalls: sharedWords(calls),
    protectedConnections: sharedWords(input.protectedConnections.flatMap(connectionWords)),
    exemptForAll,
    sharedClients,
    remotePods,
    heldBack: heldBack(input),
  };
}

/** Room in their table that policies' exemptions leave to what is protected, today and when twice as much is. */
export function guardReserve({ settings, interfaces, cluster, exemptForAll }: Pick<GuardInput, "settings" | "interfaces" | "cluster" | "exemptForAll">): SetReserve {
  const calls = cluster?.protectedCalls ?? [];
  const own = interfaces.reduce((sum, { addresses }) => sum + addresses.length, 0);
  const called = calls.reduce((sum, { from = [], to = [] }) => sum + from.length + to.length, 0);
  const sets = settings.protectedEndpoints.length + 2 * calls.length;
  const ranges = settings.protectedEndpoints.length + settings.sharedClients.length + 2 * own + called + exemptForAll.length + (cluster?.podCidrs.length ?? 0);
  return { sets: LEAST_RESERVE.sets + 2 * sets, ranges: LEAST_RESERVE.ranges + 2 * ranges };
}

function heldBack({ cluster, namespaces }: GuardInput): Uint8Array {
  const held = new Uint8Array(new SharedArrayBuffer(namespaces.length));
  if (cluster === undefined) return held;
  const known = new Map<string, boolean>([["", true]]);
  namespaces.forEach((namespace, index) => {
    const may = known.get(namespace) ?? cluster.enforceable(namespace);
    known.set(namespace, may);
    held[index] = may ? 0 : 1;
  });
  return held;
}

/** Room is kept for them (guardReserve), and without policies they are far below the table's limit. */
function required(set: number | undefined): number {
  if (set === undefined) throw new RangeError("Cannot hold the settings' address sets: the table is full");
  return set;
}

function connectionWords({ client, server }: ProtectedConnection): number[] {
  const clientAddress = parseAddress(client.ip);
  const serverAddress = parseAddress(server.ip);
  if (clientAddress === undefined || serverAddress === undefined) return [];
  const words = [...clientAddress.words, ...serverAddress.words, (client.port << 16) | server.port];
  return words.length === CONNECTION_WORDS ? words : [];
}
