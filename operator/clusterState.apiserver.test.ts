import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { RunningOperator } from "./options.ts";
import { NAMESPACE, World } from "./world.fixture.ts";

/** With the controllers of DaemonSets and of garbage, and no kubelet: pods never start. */
let world: World;
let operator: RunningOperator;
const DAEMON_SET = `/apis/apps/v1/namespaces/${NAMESPACE}/daemonsets/flowreset-sensor-default`;
const POLICY = { rules: [{ name: "web", ports: ["80"], connection: {} }] };

const eventually = (check: () => Promise<void>, timeout = 60_000) => vi.waitFor(check, { timeout, interval: 100 });
const conditionOf = async (plural: string, name: string, type: string, namespace?: string) =>
  (await world.statusOf(plural, name, namespace)).conditions?.find((condition: { type: string }) => condition.type === type);
const merge = (path: string, body: object) => world.server.expect("PATCH", path, { body, contentType: "application/merge-patch+json" });
const fleetPath = (name: string) => `/apis/flowreset.io/v1alpha1/sensorfleets/${name}`;

/** The leader ends, `meanwhile` happens, another one leads. */
async function succeed(identity: string, meanwhile = async (): Promise<void> => {}): Promise<void> {
  await operator.close();
  await meanwhile();
  operator = await world.operator(identity);
  await world.ready(operator);
}

beforeAll(async () => {
  world = await World.start({ controllerManager: ["daemonset-controller", "garbage-collector-controller"] });
  await world.server.expect("POST", "/api/v1/namespaces", { body: { metadata: { name: "shop", labels: { team: "shop" } } } });
  for (const name of ["n1", "n2", "n3"]) await world.node(name);
  await world.node("win", { labels: { "kubernetes.io/os": "windows" } });
  // Silent before the operator came: only then is a heartbeat's time taken at its word.
  await sensorNode("n3", new Date(Date.now() - 300_000).toISOString());
  operator = await world.operator("operator-0");
  await world.ready(operator);
}, 240_000);
afterAll(() => world?.close(), 120_000);

describe("a SensorFleet", () => {
  it("becomes a DaemonSet, whose pods the controller makes for the nodes that can have one", async () => {
    await world.create("sensorfleets", { metadata: { name: "default" }, spec: { capture: { workers: 2 } } });
    await eventually(async () => expect((await world.statusOf("sensorfleets", "default")).sensors).toMatchObject({ desired: 3, ready: 0, uncovered: 1 }));
    const daemonSet = await world.server.expect("GET", DAEMON_SET);
    expect(daemonSet.spec.template.spec.containers[0]).toMatchObject({ image: "flowreset:test", args: expect.arrayContaining(["--workers=2"]) });
    expect(await conditionOf("sensorfleets", "default", "Ready")).toMatchObject({ status: "False", observedGeneration: 1 });
    const { items } = await world.server.expect("GET", `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=flowreset.io/fleet=default`);
    expect(items).toHaveLength(3);
  });

  it("says why its sensors do not work", async () => {
    const { items } = await world.server.expect("GET", `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=flowreset.io/fleet=default`);
    const state = { waiting: { reason: "ImagePullBackOff", message: "no such image" } };
    const containerStatuses = [{ name: "sensor", image: "", imageID: "", ready: false, restartCount: 0, state }];
    for (const { metadata } of items) await merge(`/api/v1/namespaces/${NAMESPACE}/pods/${metadata.name}/status`, { status: { phase: "Pending", containerStatuses } });
    await eventually(async () => expect((await world.statusOf("sensorfleets", "default")).failures?.[0]?.message).toBe("ImagePullBackOff: no such image"));
    expect((await world.statusOf("sensorfleets", "default")).sensors.failed).toBe(3);
  });

  it("repairs what somebody changes, and lets a rollout's annotation be", async () => {
    const annotation = { "kubectl.kubernetes.io/restartedAt": "2026-11-26T12:00:00Z" };
    const container = { name: "sensor", image: "evil:1", securityContext: { privileged: true, allowPrivilegeEscalation: true } };
    const body = { spec: { template: { metadata: { annotations: annotation }, spec: { hostNetwork: false, containers: [container] } } } };
    await world.server.expect("PATCH", DAEMON_SET, { body, contentType: "application/strategic-merge-patch+json" });
    await eventually(async () => {
      const { template } = (await world.server.expect("GET", DAEMON_SET)).spec;
      expect(template.spec.containers[0]).toMatchObject({ image: "flowreset:test", securityContext: { privileged: false, allowPrivilegeEscalation: false } });
      expect(template.spec.hostNetwork).toBe(true);
      expect(template.metadata.annotations).toMatchObject(annotation);
    });
  });

  it("takes its DaemonSet back where somebody took it away, so that it goes with its fleet", async () => {
    await merge(DAEMON_SET, { metadata: { ownerReferences: null } });
    await eventually(async () => expect((await world.server.expect("GET", DAEMON_SET)).metadata.ownerReferences).toMatchObject([{ kind: "SensorFleet", name: "default", controller: true }]));
  });

  it("is made again where somebody deletes its DaemonSet", async () => {
    const { metadata } = await world.server.expect("GET", DAEMON_SET);
    await world.server.expect("DELETE", DAEMON_SET);
    await eventually(async () => expect((await world.server.expect("GET", DAEMON_SET)).metadata.uid).not.toBe(metadata.uid));
  });

  it("that is younger and wants the same node is stalled, and starts nothing", async () => {
    await world.create("sensorfleets", { metadata: { name: "second" } });
    await eventually(async () => expect(await conditionOf("sensorfleets", "second", "Stalled")).toMatchObject({ status: "True", reason: "Overlap" }));
    expect((await world.server.request("GET", DAEMON_SET.replace(/default$/, "second"))).status).toBe(404);
    await world.server.expect("DELETE", fleetPath("second"));
  });
});

describe("a policy", () => {
  it("is Ready when both sensors have loaded it, and not before", async () => {
    const sensors = [await world.sensor("n1"), await world.sensor("n2")];
    for (const sensor of sensors) await sensor.start();
    const created = await world.create("responsepolicies", { metadata: { name: "web" }, spec: { ...POLICY, mode: "Enforce" } }, "shop");
    const revision = created.metadata.resourceVersion!;
    await eventually(async () => expect(await conditionOf("responsepolicies", "web", "Ready", "shop")).toMatchObject({ status: "False" }));
    sensors[0]!.observedPolicies = revision;
    await sensors[0]!.post();
    await eventually(async () => expect((await world.statusOf("responsepolicies", "web", "shop")).sensors).toMatchObject({ desired: 2, ready: 1 }));
    expect(await conditionOf("responsepolicies", "web", "Ready", "shop")).toMatchObject({ status: "False", reason: "Loading" });
    sensors[1]!.observedPolicies = revision;
    await sensors[1]!.post();
    await world.server.kubectl(["wait", "-n", "shop", "--for=condition=Ready", "responsepolicy/web", "--timeout=60s"]);
    expect(await world.statusOf("responsepolicies", "web", "shop")).toMatchObject({ observedGeneration: 1, sensors: { desired: 2, ready: 2, failed: 0 } });
    expect(await conditionOf("responsepolicies", "web", "Enforcing", "shop")).toMatchObject({ status: "True" });
    for (const sensor of sensors) await sensor.close();
  });

  it("names the sensor that could not load it, and what it did, over the whole cluster", async () => {
    const sensor = await world.sensor("n1", undefined, await world.server.createToken({ namespace: NAMESPACE, name: "flowreset-sensor" }, { boundTo: await podOf("n1") }));
    await sensor.start();
    const { metadata } = await world.create("clusterresponsepolicies", { metadata: { name: "all" }, spec: { ...POLICY, rules: [{ ...POLICY.rules[0], ports: ["81"] }] } });
    const policy = { kind: "ClusterResponsePolicy", namespace: "", name: "all", uid: metadata.uid! } as const;
    sensor.observedPolicies = metadata.resourceVersion!;
    sensor.more = { failures: [{ ...policy, generation: 1, message: "rules[0]: no room" }], counters: [{ ...policy, detections: 7, wouldReset: 6, reset: 0, confirmed: 0, suppressed: 1 }] };
    await sensor.post();
    await eventually(async () => {
      const status = await world.statusOf("clusterresponsepolicies", "all");
      expect(status.failures).toEqual([{ node: "n1", message: "rules[0]: no room" }]);
      expect(status.counters).toMatchObject({ detections: 7, wouldReset: 6 });
    });
    expect(await conditionOf("clusterresponsepolicies", "all", "Stalled")).toMatchObject({ status: "True", reason: "LoadFailed" });
    sensor.more = { failures: [] };
    await sensor.post();
    await eventually(async () => expect(await conditionOf("clusterresponsepolicies", "all", "Stalled")).toMatchObject({ status: "False" }));
    await sensor.close();
  });

  it("says when a fleet holds it back: by its namespace, or by the emergency stop", async () => {
    await merge(fleetPath("default"), { spec: { enforceNamespaces: { matchLabels: { team: "bank" } } } });
    await eventually(async () => expect(await conditionOf("responsepolicies", "web", "Enforcing", "shop")).toMatchObject({ status: "False", reason: "NamespaceNotEnforced" }));
    await merge("/api/v1/namespaces/shop", { metadata: { labels: { team: "bank" } } });
    await eventually(async () => expect(await conditionOf("responsepolicies", "web", "Enforcing", "shop")).toMatchObject({ status: "True" }));
    await merge(fleetPath("default"), { spec: { enforcement: "ObserveOnly" } });
    await eventually(async () => expect(await conditionOf("responsepolicies", "web", "Enforcing", "shop")).toMatchObject({ status: "False", reason: "ObserveOnly" }));
    await merge(fleetPath("default"), { spec: { enforcement: "Enabled", enforceNamespaces: null } });
  });
});

describe("a SensorNode", () => {
  it("that is silent for three heartbeats says so, and counts in Coverage of policies and fleet", async () => {
    await eventually(async () => expect(await conditionOf("sensornodes", "n3", "Ready")).toMatchObject({ status: "Unknown", reason: "HeartbeatStopped" }));
    await eventually(async () => expect((await world.statusOf("sensorfleets", "default")).sensors.stale).toBe(1));
    await eventually(async () => expect(await conditionOf("responsepolicies", "web", "Coverage", "shop")).toMatchObject({ status: "False", reason: "SensorsStale" }));
    expect(await conditionOf("responsepolicies", "web", "Ready", "shop")).toMatchObject({ status: "True" });
  });

  it("hands over results of a FlowReset that nobody took", async () => {
    await world.node("n4");
    await sensorNode("n4", new Date().toISOString());
    const now = new Date().toISOString();
    const { metadata } = await world.create("flowresets", { metadata: { name: "kill-late" }, spec: { match: { client: { ip: "10.9.9.9" } }, hold: "1h" } }, "shop");
    const flow = { connection: "7 8", client: "10.9.9.9:1", server: "10.9.9.8:2", outcome: "Confirmed", reason: "", rsts: 2, latencyMicroseconds: 1, actor: "first" };
    const unreported = [{ kind: "FlowReset", namespace: "shop", name: "kill-late", uid: metadata.uid, phase: "Active", matched: 1, flows: [flow], startedAt: now }];
    await merge("/apis/flowreset.io/v1alpha1/sensornodes/n4/status", { status: { unreported } });
    await eventually(async () => expect((await world.statusOf("flowresets", "kill-late", "shop")).summary).toMatchObject({ matched: 1, confirmed: 1 }));
  });

  it("goes when its Node goes", async () => {
    await world.server.expect("DELETE", "/api/v1/nodes/n3");
    await eventually(async () => expect(await world.statusOf("sensornodes", "n3")).toBe("gone"));
    await eventually(async () => expect((await world.statusOf("sensorfleets", "default")).sensors.stale).toBe(0));
  });
});

describe("the key of the mark", () => {
  const SECRET = `/api/v1/namespaces/${NAMESPACE}/secrets/flowreset-mark-key`;
  const uidInPods = async () => (await world.server.expect("GET", DAEMON_SET)).spec.template.metadata.annotations["flowreset.io/mark-key-uid"];

  it("is made before the sensors that share it, who are not started anew by another leader", async () => {
    const [secret, daemonSet] = [await world.server.expect("GET", SECRET), await world.server.expect("GET", DAEMON_SET)];
    expect(await uidInPods()).toBe(secret.metadata.uid);
    // Whatever was written of the pods' template, it was written with the key.
    const { items } = await world.server.expect("GET", `/apis/apps/v1/namespaces/${NAMESPACE}/controllerrevisions?labelSelector=flowreset.io/fleet=default`);
    for (const { data } of items) expect(data.spec.template.metadata.annotations).toMatchObject({ "flowreset.io/mark-key-uid": secret.metadata.uid });
    await succeed("operator-1");
    await merge(fleetPath("default"), { spec: { updateStrategy: { maxUnavailable: "50%" } } });
    await eventually(async () => expect((await world.server.expect("GET", DAEMON_SET)).spec.updateStrategy.rollingUpdate.maxUnavailable).toBe("50%"));
    expect((await world.server.expect("GET", SECRET)).metadata.resourceVersion).toBe(secret.metadata.resourceVersion);
    expect((await world.server.expect("GET", DAEMON_SET)).spec.template).toEqual(daemonSet.spec.template);
  });

  it("is another one where somebody deleted it, and sensors are started anew for that", async () => {
    const { data } = await world.server.expect("GET", SECRET);
    await succeed("operator-2", async () => void (await world.server.expect("DELETE", SECRET)));
    await eventually(async () => expect(await uidInPods()).toBe((await world.server.expect("GET", SECRET)).metadata.uid));
    expect((await world.server.expect("GET", SECRET)).data).not.toEqual(data);
  });
});

/** As a sensor writes it. */
async function sensorNode(name: string, time: string): Promise<void> {
  await world.create("sensornodes", { metadata: { name }, spec: { fleet: "default" } });
  const conditions = [{ type: "Ready", status: "True", reason: "Watching", message: "", lastTransitionTime: time }];
  await merge(`/apis/flowreset.io/v1alpha1/sensornodes/${name}/status`, { status: { heartbeatTime: time, conditions } });
}

async function podOf(node: string): Promise<{ kind: "Pod"; name: string; uid: string }> {
  const name = `sensor-${node}-again`;
  return { kind: "Pod", name, uid: await world.pod(NAMESPACE, name, node, "", { serviceAccountName: "flowreset-sensor" }) };
}
