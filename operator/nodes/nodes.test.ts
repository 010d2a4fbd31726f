import { describe, expect, it } from "vitest";
import { NodeAddresses, nodeFacts, podCidrsOf } from "./mod.ts";

const node = (name: string, more: { labels?: Record<string, string>; spec?: object; status?: object } = {}) =>
  nodeFacts({ apiVersion: "v1", kind: "Node", metadata: { name, labels: { "kubernetes.io/os": "linux", ...more.labels } }, spec: more.spec, status: more.status });

describe("a node", () => {
  for (const [what, uncoverable, raw] of [
    ["of Linux", undefined, {}],
    ["of Windows", "Windows", { labels: { "kubernetes.io/os": "windows" } }],
    ["that is virtual by its label", "Virtual", { labels: { type: "virtual-kubelet" } }],
    ["that is virtual by its taint", "Virtual", { spec: { taints: [{ key: "virtual-kubelet.io/provider" }] } }],
    ["of Fargate", "Virtual", { labels: { "eks.amazonaws.com/compute-type": "fargate" } }],
  ] as const) {
    it(`${what} ${uncoverable === undefined ? "can" : "cannot"} have a sensor`, () => expect(node("n", raw as never).uncoverable).toBe(uncoverable));
  }

  it("is found by its addresses, not by its host name, until it is gone", () => {
    const addresses = new NodeAddresses();
    const facts = node("n1", { status: { addresses: [{ type: "InternalIP", address: "10.0.0.1" }, { type: "Hostname", address: "n1" }, { type: "ExternalIP", address: "2001:DB8:0::1" }, { type: "InternalDNS", address: "n1.internal" }] } });
    addresses.put(facts);
    expect(["10.0.0.1", "2001:db8::1", "n1"].map((address) => addresses.nodesOf(address))).toEqual([["n1"], ["n1"], []]);
    addresses.remove(facts);
    expect(addresses.nodesOf("10.0.0.1")).toEqual([]);
  });
});

it("an address that an old Node still claims leads to both until one is gone: a machine may be put up anew with it", () => {
  const addresses = new NodeAddresses();
  const [old, anew] = ["old", "new"].map((name) => node(name, { status: { addresses: [{ type: "InternalIP", address: "10.0.0.1" }] } })) as [ReturnType<typeof node>, ReturnType<typeof node>];
  addresses.put(old);
  addresses.put(anew);
  // Its conditions change when it is called lost.
  addresses.remove(old);
  addresses.put(old);
  expect(addresses.nodesOf("10.0.0.1")).toEqual(["new", "old"]);
  addresses.remove(old);
  expect(addresses.nodesOf("10.0.0.1")).toEqual(["new"]);
});

describe("the pods' ranges", () => {
  const ranges = (...cidrs: string[]) => podCidrsOf(cidrs.map((podCIDR, index) => node(`n${index}`, { spec: { podCIDR } })));
  for (const [what, given, told] of [
    ["two halves are one", ["10.244.0.0/24", "10.244.1.0/24"], ["10.244.0.0/23"]],
    ["four quarters are one", ["10.244.2.0/24", "10.244.0.0/24", "10.244.3.0/24", "10.244.1.0/24"], ["10.244.0.0/22"]],
    ["neighbours that are no halves stay two", ["10.244.1.0/24", "10.244.2.0/24"], ["10.244.1.0/24", "10.244.2.0/24"]],
    ["doubles are one", ["10.244.1.0/24", "10.244.1.0/24"], ["10.244.1.0/24"]],
    ["IPv6 too", ["fd00:0:0:1::/64", "fd00::/64"], ["fd00::/63"]],
    ["what is no range is left out", ["all", "10.244.9.0/24"], ["10.244.9.0/24"]],
  ] as const) {
    it(what, () => expect(ranges(...given)).toEqual(told));
  }

  it("of both families of a dual-stack node are told", () => {
    const dual = (name: string, ...podCIDRs: string[]) => node(name, { spec: { podCIDR: podCIDRs[0], podCIDRs } });
    expect(podCidrsOf([dual("n0", "10.244.0.0/24", "fd00:244::/64"), dual("n1", "10.244.1.0/24", "fd00:244:0:1::/64")])).toEqual(["10.244.0.0/23", "fd00:244::/63"]);
  });

  it("of nodes without a sensor are left out", () => {
    expect(podCidrsOf([node("w", { labels: { "kubernetes.io/os": "windows" }, spec: { podCIDR: "10.1.0.0/24" } })])).toEqual([]);
  });

  it("of 4,096 nodes in a row are one", () => {
    const all = Array.from({ length: 4_096 }, (_, index) => `10.${128 + (index >> 8)}.${index & 255}.0/24`);
    expect(ranges(...all)).toEqual(["10.128.0.0/12"]);
  });
});
