import { expect, it } from "vitest";
import { protectedCalls } from "./protection.ts";
import type { ProtectionInput } from "./protection.ts";

const NOTHING: ProtectionInput = { apiServers: [], nodeAddresses: [], nameServers: [], healthCheckPorts: [], operator: undefined, pods: [], internalCidrs: ["10.0.0.0/8"] };
const NODE = ["192.0.2.11"];

it.each<[string, Partial<ProtectionInput>, unknown]>([
  ["API servers and the service before them", { apiServers: [{ addresses: ["192.0.2.1"], ports: [6443] }] }, { as: "ApiServer", to: ["192.0.2.1/32"], ports: ["6443"] }],
  ["what an API server calls", { apiServers: [{ addresses: ["192.0.2.1", "2001:db8::1"], ports: [6443] }] }, { as: "ApiServer", from: ["192.0.2.1/32", "2001:db8::1/128"] }],
  ["what an API server on this very node calls, inside the cluster", { apiServers: [{ addresses: NODE, ports: [6443] }], nodeAddresses: NODE }, { as: "ApiServer", from: ["192.0.2.11/32"], to: ["10.0.0.0/8"] }],
  ["the kubelet of the node", { nodeAddresses: NODE }, { as: "Kubelet", to: ["192.0.2.11/32"], ports: ["10250"] }],
  ["etcd of the node", { nodeAddresses: NODE }, { as: "Etcd", to: ["192.0.2.11/32"], ports: ["2379", "2380"] }],
  ["etcd beside the API server", { apiServers: [{ addresses: ["192.0.2.1"], ports: [6443] }] }, { as: "Etcd", to: ["192.0.2.1/32"], ports: ["2379", "2380"] }],
  ["ports that load balancers ask", { nodeAddresses: NODE, healthCheckPorts: [31_200] }, { as: "NodeHealth", to: ["192.0.2.11/32"], ports: ["10256", "31200"] }],
  ["the cluster's name service", { nameServers: ["10.96.0.10", "10.244.1.3"] }, { as: "ClusterDns", to: ["10.96.0.10/32", "10.244.1.3/32"], ports: ["53"] }],
  ["the operator's report stream", { operator: { addresses: ["10.96.0.20"], ports: [8443] } }, { as: "ReportStream", to: ["10.96.0.20/32"], ports: ["8443"] }],
  ["the kubelet's probes", { nodeAddresses: NODE, pods: [{ addresses: ["10.244.1.7"], probePorts: [8080] }, { addresses: ["10.244.1.8"], probePorts: [8080] }] }, { as: "Probe", from: ["192.0.2.11/32"], to: ["10.244.1.7/32", "10.244.1.8/32"], ports: ["8080"] }],
  ["what an API server on this very node calls, however its IPv6 address is written", { apiServers: [{ addresses: ["2001:DB8:0::11"], ports: [6443] }], nodeAddresses: ["2001:db8::11"] }, { as: "ApiServer", from: ["2001:DB8:0::11/128"], to: ["10.0.0.0/8"] }],
  ["both families of the API server's service", { apiServers: [{ addresses: ["10.96.0.1", "fd00:96::1"], ports: [443] }] }, { as: "ApiServer", to: ["10.96.0.1/32", "fd00:96::1/128"], ports: ["443"] }],
  ["the kubelet of a dual-stack node", { nodeAddresses: [...NODE, "2001:db8::11"] }, { as: "Kubelet", to: ["192.0.2.11/32", "2001:db8::11/128"], ports: ["10250"] }],
  ["the kubelet's probes of a dual-stack pod", { nodeAddresses: [...NODE, "2001:db8::11"], pods: [{ addresses: ["10.244.1.7", "fd00:244:1::7"], probePorts: [8080] }] }, { as: "Probe", from: ["192.0.2.11/32", "2001:db8::11/128"], to: ["10.244.1.7/32", "fd00:244:1::7/128"], ports: ["8080"] }],
])("protects %s", (_, input, call) => {
  expect(protectedCalls({ ...NOTHING, ...input })).toContainEqual(call);
});

it("protects nothing where nothing is known", () => {
  expect(protectedCalls(NOTHING)).toEqual([]);
});

it("spares no pod without a probe, and no call of an API server on this node to the outside", () => {
  const calls = protectedCalls({ ...NOTHING, apiServers: [{ addresses: NODE, ports: [6443] }], nodeAddresses: NODE, pods: [{ addresses: ["10.244.1.7"], probePorts: [] }] });
  expect(calls.filter(({ from }) => from !== undefined)).toEqual([{ as: "ApiServer", from: ["192.0.2.11/32"], to: ["10.0.0.0/8"] }]);
});

it("bounds its rows: of pods with ever new probe ports it spares the node's calls as a whole", () => {
  const pods = Array.from({ length: 200 }, (_, index) => ({ addresses: [`10.244.1.${index}`], probePorts: [8_000 + index] }));
  const calls = protectedCalls({ ...NOTHING, nodeAddresses: NODE, pods }).filter(({ from }) => from !== undefined);
  expect(calls).toHaveLength(65);
  expect(calls.at(-1)?.ports).toBeUndefined();
  expect(calls.flatMap(({ to }) => to)).toHaveLength(200);
});
