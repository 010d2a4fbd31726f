/** The sensor's roles against what the real sensor asks of an API server, with the token of a pod on its node. */
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClusterSensor } from "../test/clusterSensor/sensor.ts";
import { World } from "../test/clusterSensor/world.ts";
import { startApiServer } from "../test/cluster/mod.ts";
import type { PrivateApiServer } from "../test/cluster/mod.ts";
import { identity } from "../test/lab/mod.ts";
import { CHART, helm, NAMESPACE, render } from "./helm.fixture.ts";
import { refusedCalls, rightsOf, unusedRights } from "./rights.fixture.ts";

let server: PrivateApiServer;
let world: World;
let sensor: ClusterSensor;

beforeAll(async () => {
  server = await startApiServer();
  world = await World.open(server);
  await helm(["install", "flowreset", CHART, "--namespace", NAMESPACE, "--take-ownership"], server.kubeconfigPath);
  const spec = { nodeName: world.node, serviceAccountName: "flowreset-sensor", containers: [{ name: "sensor", image: "a" }] };
  const pod = await server.expect("POST", `/api/v1/namespaces/${NAMESPACE}/pods`, { body: { metadata: { name: "sensor" }, spec } });
  const token = await server.createToken({ namespace: NAMESPACE, name: "flowreset-sensor" }, { boundTo: { kind: "Pod", name: "sensor", uid: pod.metadata.uid } });
  using file = server.kubeconfigOf({ token });
  const kubeconfig = join(world.net.lab.directory, "sensor.kubeconfig");
  copyFileSync(file.path, kubeconfig);
  chmodSync(kubeconfig, 0o600);
  sensor = await world.sensor({ more: ["--kubeconfig", kubeconfig] });
}, 120_000);
afterAll(async () => {
  await sensor?.stop();
  await world?.close();
  await server?.close();
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
    expect(unusedRights(rightsOf(await render(), "flowreset-sensor"), calls())).toEqual([]);
  });
});
