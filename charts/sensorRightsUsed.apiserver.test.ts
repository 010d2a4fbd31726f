/**
 * The sensor's roles against what the real sensor asks of an API server, with the token of a pod on its node; and what
 * becomes of it where they hold less.
 */
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClusterSensor } from "../test/clusterSensor/sensor.ts";
import { World } from "../test/clusterSensor/world.ts";
import type { PrivateApiServer } from "../test/cluster/mod.ts";
import { identity, until } from "../test/lab/mod.ts";
import { CHART, helm, NAMESPACE, render } from "./helm.fixture.ts";
import { refusedCalls, rightsOf, unusedRights } from "./rights.fixture.ts";

let server: PrivateApiServer;
let world: World;
let sensor: ClusterSensor;

beforeAll(async () => {
  world = await World.open();
  server = world.server;
  await helm(["install", "flowreset", CHART, "--namespace", NAMESPACE, "--take-ownership"], server.kubeconfigPath);
  const spec = { nodeName: world.node, serviceAccountName: "flowreset-sensor", containers: [{ name: "sensor", image: "a" }] };
  const pod = await server.expect("POST", `/api/v1/namespaces/${NAMESPACE}/pods`, { body: { metadata: { name: "sensor" }, spec } });
  const token = await server.createToken({ namespace: NAMESPACE, name: "flowreset-sensor" }, { boundTo: { kind: "Pod", name: "sensor", uid: pod.metadata.uid } });
  using file = server.kubeconfigOf({ token });
  const kubeconfig = join(world.net.lab.directory, "sensor.kubeconfig");
  copyFileSync(file.path, kubeconfig);
  chmodSync(kubeconfig, 0o600);
  sensor = await world.sensor({ more: ["--kubeconfig", kubeconfig] });
}, 240_000);
afterAll(async () => {
  await sensor?.stop();
  await world?.close();
});

const calls = () => server.callsOf({ namespace: NAMESPACE, name: "flowreset-sensor" });

describe.runIf(identity() === "root")("the sensor's roles", () => {
  it("suffice for a sensor that is Ready and says so in its SensorNode", async () => {
    await world.pod("client", world.net.client);
    const { status } = await world.sensorNode("the SensorNode to be Ready", ({ conditions }) => conditions?.some(({ type, status: holds }: any) => type === "Ready" && holds === "True"));
    expect(status.missingRights).toEqual([]);
  });

  it("were enough: the API server refused nothing", () => {
    expect(calls().length).toBeGreaterThan(20);
    expect(refusedCalls(calls())).toEqual([]);
  });

  it("hold no right that nothing needed", async () => {
    const rights = rightsOf(await render(), "flowreset-sensor");
    // It is Ready with its lists; the last watch opens a moment later.
    await expect.poll(() => unusedRights(rights, calls()), { timeout: 20_000 }).toEqual([]);
  });
});

describe.runIf(identity() === "root")("a right that is taken away", () => {
  const RIGHT = "watch responsepolicies.flowreset.io";
  const role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/flowreset-sensor";
  const account = `system:serviceaccount:${NAMESPACE}:flowreset-sensor`;
  type Rule = { readonly resources: readonly string[] };
  let rules: readonly Rule[];

  /** Resolves when the API server judges by them. */
  async function setRules(wanted: readonly Rule[], isAllowed: boolean): Promise<void> {
    await server.expect("PATCH", role, { body: { rules: wanted }, contentType: "application/merge-patch+json" });
    const resourceAttributes = { group: "flowreset.io", resource: "responsepolicies", verb: "watch" };
    const review = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec: { user: account, resourceAttributes } };
    await until("the API server to judge by the role", async () => {
      const { status } = await server.expect("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", { body: review });
      return status.allowed === isAllowed;
    }, 60_000, 50);
  }
  const refused = (): number => calls().filter(({ verb, resource, status }) => verb === "watch" && resource === "responsepolicies" && status === 403).length;
  const readyOf = ({ conditions }: any) => conditions.find(({ type }: any) => type === "Ready");

  it("is named with verb and resource, and asked for again; what is in force stays", async () => {
    await world.apply("ResponsePolicy", "kept", { rules: [{ name: "a", ports: ["80"], connection: {} }] });
    const isKept = async (): Promise<boolean> => (await sensor.command(["status"])).stdout.includes("/kept");
    await until("the policy to be in force", isKept, 60_000, 100);
    ({ rules } = await server.expect("GET", role));
    await setRules(rules.map((rule) => ({ ...rule, resources: rule.resources.filter((name) => name !== "responsepolicies") })), false);
    // A watch that is open keeps its rights.
    world.relay.cut();
    world.relay.mend();
    // A SensorNode is written once a minute at most.
    const { status } = await world.sensorNode("the right to be missing", ({ missingRights }) => missingRights?.length > 0, 180_000);
    expect(status.missingRights).toEqual([RIGHT]);
    expect(readyOf(status)).toMatchObject({ status: "False", reason: "MissingRights", message: expect.stringContaining(RIGHT) });
    expect(await sensor.metric("flowreset_missing_right", RIGHT)).toBe(1);
    const before = refused();
    await until("it to be asked for again", () => refused() > before, 90_000, 100);
    expect(await isKept()).toBe(true);
  }, 400_000);

  it("is missing no more once it is given back", async () => {
    await setRules(rules, true);
    const { status } = await world.sensorNode("the right to be there", ({ missingRights }) => missingRights?.length === 0, 180_000);
    expect(readyOf(status)).toMatchObject({ status: "True" });
    expect(await sensor.metric("flowreset_missing_right")).toBe(0);
    await world.apply("ResponsePolicy", "after", { rules: [{ name: "a", ports: ["80"], connection: {} }] });
    await until("the next policy to be in force", async () => (await sensor.command(["status"])).stdout.includes("/after"), 60_000, 100);
  }, 400_000);
});
