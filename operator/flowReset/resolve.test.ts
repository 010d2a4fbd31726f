import { expect, it } from "vitest";
import type { FlowResetSpec } from "../../crds/mod.ts";
import type { KubeClient } from "../../kube/mod.ts";
import { whereaboutsOf } from "./resolve.ts";

/** Node n1 has 10.99.0.11 and a host-network pod. The pod on n2 is found by its first address, not by its second. */
const PODS: Readonly<Record<string, readonly object[]>> = {
  "status.podIP=10.244.2.7": [{ spec: { nodeName: "n2" } }],
  "status.podIP=10.244.2.8": [{ spec: { nodeName: "n2" }, status: { phase: "Succeeded" } }],
  "status.podIP=10.99.0.11": [{ spec: { nodeName: "n1" } }],
};
const client = {
  list: async function* (_resource: unknown, { fieldSelector = "" }: { fieldSelector?: string }) {
    yield { items: PODS[fieldSelector] ?? [] };
  },
} as unknown as KubeClient;
const nodesOfAddress = (address: string): string[] => (address === "10.99.0.11" || address === "fd00:99::11" ? ["n1"] : []);

const NODE = { ip: "10.99.0.11", port: 40_000 };
const NODE6 = { ip: "fd00:99:0::11", port: 40_000 };
const POD = { ip: "10.244.2.7", port: 80 };
const POD_SECOND = { ip: "fd00:244::7", port: 80 };
const OUTSIDE = { ip: "203.0.113.9", port: 443 };

it.each<[string, object, string | undefined, readonly string[] | "all"]>([
  ["a pod's node", { client: OUTSIDE, server: POD }, "shop", ["n2"]],
  ["a pod's node where a cluster's object names it", { client: OUTSIDE, server: POD }, undefined, ["n2"]],
  ["all where the pod has ended", { client: OUTSIDE, server: { ip: "10.244.2.8", port: 80 } }, "shop", "all"],
  ["all where both are outside", { client: OUTSIDE, server: { ip: "203.0.113.10", port: 80 } }, undefined, "all"],
  ["the pod's node alone where a node calls it, for an object of a namespace", { client: NODE, server: POD }, "shop", ["n2"]],
  ["both where a node calls it, for an object of the cluster", { client: NODE, server: POD }, undefined, ["n1", "n2"]],
  ["all where a node calls a pod by its second address, for an object of a namespace", { client: NODE6, server: POD_SECOND }, "shop", "all"],
  ["the node where it calls a pod by its second address, for an object of the cluster", { client: NODE6, server: POD_SECOND }, undefined, ["n1"]],
  ["all where a node alone is named, for an object of a namespace", { client: NODE }, "shop", "all"],
  ["a node by however its address is written", { client: { ip: "fd00:99:0:0:0:0:0:11" } }, undefined, ["n1"]],
])("a FlowReset asks %s", async (_name, match, namespace, expected) => {
  expect(await whereaboutsOf({ match } as FlowResetSpec, namespace, { client, nodesOfAddress }, new AbortController().signal)).toEqual(expected);
});
