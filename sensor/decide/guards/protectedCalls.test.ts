import { expect, it } from "vitest";
import type { FlowLike } from "../../detect/flows.fixture.ts";
import { FlowFlag } from "../../flow/mod.ts";
import { Judge } from "../judge.fixture.ts";
import { policy } from "../objects.fixture.ts";
import type { ProtectedCall } from "../compileGuards.ts";

const NODE = "10.244.1.1";
const POD = "10.244.1.7";
const probe: ProtectedCall = { as: "Probe", from: [`${NODE}/32`], to: [`${POD}/32`], ports: ["8080"] };
const fromNode: FlowLike = { client: NODE, server: POD, serverPort: 8080 };
const inferred = FlowFlag.BothWays | FlowFlag.Inferred | FlowFlag.Midstream;

function judge(protectedCalls: readonly ProtectedCall[]): Judge {
  const cluster = { nodeLabels: {}, namespaces: new Map(), pods: [], isLive: true, enforceable: () => true, podCidrs: [], protectedCalls };
  return new Judge([policy({ cluster: true, spec: ["mode: Enforce"] })], { cluster });
}

it.each<[string, string, ProtectedCall, FlowLike]>([
  ["Suppress ProtectedProbe", "the kubelet's probe", probe, fromNode],
  ["Reset", "another client of the probed port", probe, { ...fromNode, client: "192.0.2.9" }],
  ["Reset", "another port of the probed pod", probe, { ...fromNode, serverPort: 8081 }],
  ["Reset", "another pod from the node", probe, { ...fromNode, server: "10.244.1.8" }],
  ["Suppress ProtectedProbe", "a probe first seen the wrong way round", probe, { client: POD, clientPort: 8080, server: NODE, serverPort: 40_000, flags: inferred }],
  ["Reset", "the pod's own call to the node", probe, { client: POD, clientPort: 8080, server: NODE, serverPort: 40_000 }],
  ["Suppress ProtectedApiServer", "whatever the API server calls", { as: "ApiServer", from: ["192.0.2.1/32"] }, { client: "192.0.2.1", server: POD }],
  ["Suppress ProtectedApiServer", "whoever calls the API server", { as: "ApiServer", to: ["192.0.2.1/32"], ports: ["6443"] }, { serverPort: 6443 }],
  ["Reset", "another port of its machine", { to: ["192.0.2.1/32"], ports: ["6443"] }, { serverPort: 443 }],
])("%s: %s", (expected, _, call, flow) => {
  expect(judge([call]).judge(flow)).toBe(expected);
});

it("tells a masqueraded call of another's from the node's own by its other tuple", () => {
  const held = judge([probe]);
  const outside = held.flows.add({ client: "192.0.2.9", server: "203.0.113.1", serverPort: 30_080 });
  const inside = held.flows.add({ ...fromNode, twin: outside });
  expect(held.judgeSlot(inside)).toBe("Reset");
});

it("protects the endpoint behind a service under both tuples", () => {
  const held = judge([{ as: "ApiServer", to: ["192.0.2.1/32"], ports: ["6443"] }]);
  const behind = held.flows.add({ server: "192.0.2.1", serverPort: 6443 });
  const service = held.flows.add({ server: "10.96.0.1", serverPort: 443, twin: behind });
  expect(held.judgeSlot(service)).toBe("Suppress ProtectedApiServer");
});
