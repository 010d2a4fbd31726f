/**
 * What keeps the cluster alive, worked out from what the API server, the environment and the node say: connections
 * that no policy and no FlowReset may cut. By exact address and port; who calls is named where only some calls count.
 */
import { parseAddress } from "../../crds/mod.ts";
import type { ProtectedCall, Protection } from "../decide/mod.ts";
import type { Pod } from "./pod.ts";

export interface AddressAndPorts {
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
}

export interface ProtectionInput {
  /** The kubernetes service's own address, and the API servers behind it. */
  readonly apiServers: readonly AddressAndPorts[];
  /** Of this node: from its Node object and its interfaces. */
  readonly nodeAddresses: readonly string[];
  /** Of the cluster's name service: the service's address, its endpoints, what this program asks itself. */
  readonly nameServers: readonly string[];
  /** Ports of this node that load balancers ask for its health. */
  readonly healthCheckPorts: readonly number[];
  /** Where the report stream goes. */
  readonly operator: AddressAndPorts | undefined;
  readonly pods: readonly Pick<Pod, "addresses" | "probePorts">[];
  /** What counts as the cluster's own network. */
  readonly internalCidrs: readonly string[];
}

const KUBELET_PORTS = [10_250];
/** kube-proxy's answer to load balancers. */
const NODE_HEALTH_PORTS = [10_256];
const ETCD_PORTS = [2_379, 2_380];
const DNS_PORTS = [53];
/** Distinct sets of probed ports; pods beyond are spared by the node's calls as a whole. */
const MAX_PROBE_GROUPS = 64;

export function protectedCalls(input: ProtectionInput): ProtectedCall[] {
  const { apiServers, nodeAddresses, nameServers, healthCheckPorts, operator, internalCidrs } = input;
  const calls: ProtectedCall[] = [];
  const callsTo = (as: Protection, addresses: readonly string[], ports: readonly number[]): void => {
    if (addresses.length > 0 && ports.length > 0) calls.push({ as, to: addresses.map(hostCidr), ports: ports.map(String) });
  };
  const behind = apiServers.flatMap(({ addresses }) => addresses);
  for (const { addresses, ports } of apiServers) callsTo("ApiServer", addresses, ports);
  // Its calls to webhooks, aggregated APIs, kubelets. A machine that is a node too also calls for others: to the inside only.
  const own = new Set(nodeAddresses.map(wordsOf));
  const apart = behind.filter((address) => !own.has(wordsOf(address)));
  const here = behind.filter((address) => own.has(wordsOf(address)));
  if (apart.length > 0) calls.push({ as: "ApiServer", from: apart.map(hostCidr) });
  if (here.length > 0) calls.push({ as: "ApiServer", from: here.map(hostCidr), to: internalCidrs });
  callsTo("Kubelet", nodeAddresses, KUBELET_PORTS);
  callsTo("NodeHealth", nodeAddresses, [...NODE_HEALTH_PORTS, ...healthCheckPorts]);
  callsTo("Etcd", nodeAddresses, ETCD_PORTS);
  callsTo("Etcd", behind, ETCD_PORTS);
  callsTo("ClusterDns", nameServers, DNS_PORTS);
  if (operator !== undefined) callsTo("ReportStream", operator.addresses, operator.ports);
  if (nodeAddresses.length > 0) calls.push(...probes(input));
  return calls;
}

/** From the node to what it asks its pods. */
function probes({ nodeAddresses, pods }: ProtectionInput): ProtectedCall[] {
  const byPorts = new Map<string, { ports: readonly number[]; addresses: string[] }>();
  const beyond: string[] = [];
  for (const { addresses, probePorts } of pods) {
    const key = probePorts.join();
    const known = byPorts.get(key);
    if (probePorts.length === 0) continue;
    if (known !== undefined) known.addresses.push(...addresses);
    else if (byPorts.size < MAX_PROBE_GROUPS) byPorts.set(key, { ports: probePorts, addresses: [...addresses] });
    else beyond.push(...addresses);
  }
  const from = nodeAddresses.map(hostCidr);
  const groups: ProtectedCall[] = [...byPorts.values()]
    .filter(({ addresses }) => addresses.length > 0)
    .map(({ ports, addresses }) => ({ as: "Probe", from, to: addresses.map(hostCidr), ports: ports.map(String) }));
  if (beyond.length > 0) groups.push({ as: "Probe", from, to: beyond.map(hostCidr) });
  return groups;
}

/** One IPv6 address may be written in several ways. */
function wordsOf(address: string): string {
  return parseAddress(address)?.words.join() ?? address;
}

function hostCidr(address: string): string {
  return `${address}/${address.includes(":") ? 128 : 32}`;
}
