/** A sensor's token writes its own SensorNode and no other: tried with real tokens on a real API server. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApiServer } from "../test/cluster/mod.ts";
import type { PrivateApiServer, RequestOptions } from "../test/cluster/mod.ts";
import { until } from "../test/lab/mod.ts";
import { CHART, helm, NAMESPACE } from "./helm.fixture.ts";

const NODES = "/apis/flowreset.io/v1alpha1/sensornodes";
const MERGE = "application/merge-patch+json";
const APPLY = "application/apply-patch+yaml";

let server: PrivateApiServer;
/** Tokens of the service account flowreset-sensor: of pods on two nodes, and bound to no pod. */
let own: string;
let stolen: string;
let unbound: string;

const sensorNode = (name: string, more: object = {}) => ({ apiVersion: "flowreset.io/v1alpha1", kind: "SensorNode", metadata: { name, ...more }, spec: { fleet: "default" } });
const status = { status: { heartbeatTime: "2026-01-01T00:00:00Z", version: "0.1.0" } };

async function podToken(nodeName: string): Promise<string> {
  await server.expect("POST", "/api/v1/nodes", { body: { metadata: { name: nodeName } } });
  const spec = { nodeName, serviceAccountName: "flowreset-sensor", containers: [{ name: "a", image: "a" }] };
  const pod = await server.expect("POST", `/api/v1/namespaces/${NAMESPACE}/pods`, { body: { metadata: { name: `sensor-${nodeName}` }, spec } });
  return server.createToken({ namespace: NAMESPACE, name: "flowreset-sensor" }, { boundTo: { kind: "Pod", name: pod.metadata.name, uid: pod.metadata.uid } });
}

async function said(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, options: RequestOptions): Promise<[number, string]> {
  const { status: code, body } = await server.request(method, path, options);
  return [code, body.message ?? ""];
}

beforeAll(async () => {
  server = await startApiServer();
  await helm(["install", "flowreset", CHART, "--namespace", NAMESPACE, "--create-namespace"], server.kubeconfigPath);
  own = await podToken("n1");
  stolen = await podToken("n2");
  unbound = await server.createToken({ namespace: NAMESPACE, name: "flowreset-sensor" });
  // A policy is in force a moment after it was made.
  await until("the policy is in force", async () => (await said("POST", `${NODES}?dryRun=All`, { token: unbound, body: sensorNode("n1") }))[0] === 403, 30_000);
});
afterAll(() => server.close());

describe("a sensor", () => {
  it("makes the object of its own node, applies it and writes its status", async () => {
    expect(await said("POST", NODES, { token: own, body: sensorNode("n1") })).toEqual([201, ""]);
    expect(await said("PATCH", `${NODES}/n1?fieldManager=flowreset-sensor&force=true`, { token: own, contentType: APPLY, body: sensorNode("n1") })).toEqual([200, ""]);
    expect(await said("PATCH", `${NODES}/n1/status`, { token: own, contentType: MERGE, body: status })).toEqual([200, ""]);
    expect(await said("PATCH", `${NODES}/n2?fieldManager=flowreset-sensor`, { token: stolen, contentType: APPLY, body: sensorNode("n2") })).toEqual([201, ""]);
  });

  it.each([
    ["made under another node's name", "POST", NODES, { body: sensorNode("n3") }],
    ["made under a name that the server invents", "POST", NODES, { body: { ...sensorNode("x"), metadata: { generateName: "n1" } } }],
    ["applied anew", "PATCH", `${NODES}/n3?fieldManager=flowreset-sensor`, { contentType: APPLY, body: sensorNode("n3") }],
    ["of another node applied", "PATCH", `${NODES}/n1?fieldManager=flowreset-sensor&force=true`, { contentType: APPLY, body: sensorNode("n1", { labels: { a: "b" } }) }],
    ["of another node patched", "PATCH", `${NODES}/n1`, { contentType: MERGE, body: { spec: { fleet: "other" } } }],
    ["of another node patched in its status", "PATCH", `${NODES}/n1/status`, { contentType: MERGE, body: status }],
  ] as const)("with a token taken from a neighbour has no object %s", async (_, method, path, options) => {
    const [code, message] = await said(method, path, { ...options, token: stolen });
    expect(code).toBe(403);
    expect(message).toMatch(/ValidatingAdmissionPolicy 'flowreset-own-sensornode'.*Write the SensorNode of the sensor's own node, expected n2: current value is n[13]/);
  });

  it.each([
    ["POST", NODES, { body: sensorNode("n4") }],
    ["PATCH", `${NODES}/n1`, { contentType: MERGE, body: { metadata: { labels: { a: "b" } } } }],
    ["PATCH", `${NODES}/n1/status`, { contentType: MERGE, body: status }],
  ] as const)("whose token names no node is refused: %s %s", async (method, path, options) => {
    const [code, message] = await said(method, path, { ...options, token: unbound });
    expect([code, message]).toEqual([403, expect.stringContaining("Use the token of a sensor's pod, expected one that names its node: this one names none")]);
  });

  it("is known in any namespace, where a kustomization put it", async () => {
    const namespace = await server.createNamespace("elsewhere");
    await server.apply([
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "flowreset-sensor", namespace } },
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRoleBinding", metadata: { name: "elsewhere" }, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "flowreset-sensor" }, subjects: [{ kind: "ServiceAccount", name: "flowreset-sensor", namespace }] },
    ]);
    const token = await server.createToken({ namespace, name: "flowreset-sensor" });
    await expect.poll(async () => (await said("PATCH", `${NODES}/n1`, { token, contentType: MERGE, body: { metadata: { labels: { a: "b" } } } }))[1], { timeout: 60_000 }).toContain("expected one that names its node");
  });

  it("puts no finalizer on its object: it would outlive the node", async () => {
    const [code, message] = await said("PATCH", `${NODES}/n1`, { token: own, contentType: MERGE, body: { metadata: { finalizers: ["a.example/b"] } } });
    expect([code, message]).toEqual([403, expect.stringContaining("Leave metadata.finalizers empty")]);
  });

  it("deletes nothing, not its own object either: its role has no such verb, and the policy holds where a role has", async () => {
    expect((await said("DELETE", `${NODES}/n1`, { token: own }))[1]).toContain('cannot delete resource "sensornodes"');
    await server.apply([
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: "too-much" }, rules: [{ apiGroups: ["flowreset.io"], resources: ["sensornodes"], verbs: ["delete", "deletecollection", "update"] }] },
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRoleBinding", metadata: { name: "too-much" }, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "too-much" }, subjects: [{ kind: "ServiceAccount", name: "flowreset-sensor", namespace: NAMESPACE }] },
    ]);
    for (const path of [`${NODES}/n1`, NODES]) {
      await expect.poll(async () => (await said("DELETE", path, { token: own }))[1], { timeout: 60_000 }).toContain("Leave SensorNodes to the operator: a sensor deletes none");
    }
    const replaced = await server.expect("GET", `${NODES}/n1`);
    expect(await said("PUT", `${NODES}/n1`, { token: stolen, body: replaced })).toEqual([403, expect.stringContaining("expected n2: current value is n1")]);
    expect((await said("PUT", `${NODES}/n1`, { token: own, body: replaced }))[0]).toBe(200);
  });
});

it("others are not touched: who administers the cluster makes, changes and deletes as before", async () => {
  expect((await said("POST", NODES, { body: sensorNode("n9") }))[0]).toBe(201);
  expect((await said("PATCH", `${NODES}/n9/status`, { contentType: MERGE, body: status }))[0]).toBe(200);
  expect((await said("DELETE", `${NODES}/n9`, {}))[0]).toBe(200);
});
