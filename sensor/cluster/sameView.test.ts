import { describe, expect, it } from "vitest";
import type { ClusterView } from "../decide/mod.ts";
import { isSameView } from "./knowledge.ts";

const view = (): ClusterView => ({
  nodeLabels: { zone: "a" },
  namespaces: new Map([["shop", { team: "web" }]]),
  pods: [{ uid: "a", namespace: "shop", name: "a", labels: { app: "a" }, serviceAccount: "default", addresses: ["10.244.1.7"], interfaceIndex: 5 }],
  isLive: true,
  enforceable: () => true,
  podCidrs: ["10.244.2.0/24"],
  protectedCalls: [{ from: ["10.0.0.1/32"], ports: ["8080"] }],
});
const [pod] = view().pods;

describe("a view is told only where it says something new", () => {
  it("is the same when it was put together anew", () => {
    expect(isSameView(view(), view())).toBe(true);
  });

  it.each([
    ["a pod's interface", { pods: [{ ...pod!, interfaceIndex: 6 }] }],
    ["a pod's address", { pods: [{ ...pod!, addresses: ["10.244.1.8"] }] }],
    ["a pod's label", { pods: [{ ...pod!, labels: { app: "b" } }] }],
    ["a pod that is gone", { pods: [] }],
    ["a namespace's label", { namespaces: new Map([["shop", { team: "api" }]]) }],
    ["a namespace more", { namespaces: new Map([...view().namespaces, ["bank", {}]]) }],
    ["a label of the node", { nodeLabels: {} }],
    ["the API server's silence", { isLive: false }],
    ["another node's pods", { podCidrs: [] }],
    ["a call to protect", { protectedCalls: [{ from: ["10.0.0.1/32"], ports: ["8081"] }] }],
  ])("is news with %s", (_, change) => {
    expect(isSameView(view(), { ...view(), ...change })).toBe(false);
  });
});
