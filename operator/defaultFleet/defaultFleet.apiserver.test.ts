/** The default fleet through the life of a release: real Helm, API server and garbage collector, and the operator's own rights. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { CHART, helm, NAMESPACE, valuesWords } from "../../charts/helm.fixture.ts";
import { connect, type KubeClient } from "../../kube/mod.ts";
import { startApiServer, type PrivateApiServer } from "../../test/cluster/mod.ts";
import { runOperator } from "../main.ts";
import { DefaultFleet } from "./mod.ts";

const FLEETS = "/apis/flowreset.io/v1alpha1/sensorfleets";
const patch = { contentType: "application/merge-patch+json" };

let server: PrivateApiServer;
const opened: (() => unknown)[] = [];
/** What the Events say. */
const told: string[] = [];

beforeAll(async () => {
  server = await startApiServer({ controllerManager: ["garbage-collector-controller"] });
});
afterAll(async () => {
  for (const close of opened) await close();
  await server.close();
});

const release = (verb: "install" | "upgrade", values: Readonly<Record<string, unknown>> = {}) =>
  helm([verb, "flowreset", CHART, "--namespace", NAMESPACE, "--create-namespace", ...valuesWords(values)], server.kubeconfigPath);

/** As the pod would: with its service account's token. */
async function defaultFleet(): Promise<DefaultFleet> {
  const file = server.kubeconfigOf({ token: await server.createToken({ namespace: NAMESPACE, name: "flowreset-operator" }) });
  const client: KubeClient = await connect({ kubeconfig: file.path });
  opened.push(() => client.close(), () => file[Symbol.dispose]());
  return new DefaultFleet({ client, recorder: { record: ({ note }) => void told.push(note) }, namespace: NAMESPACE, name: "flowreset-default-fleet", ownerRole: "flowreset-operator", fieldManager: "flowreset-operator" });
}

async function reconcile(): Promise<void> {
  const fleet = await defaultFleet();
  // Fresh rights and kinds take the API server a moment.
  await expect.poll(() => fleet.reconcile(AbortSignal.timeout(30_000)).then(() => "done", (error: Error) => error.message), { timeout: 60_000 }).toBe("done");
}

const fleets = async () => (await server.expect("GET", FLEETS)).items;

it("comes with the release, with the values and the defaults of the kind", async () => {
  await release("install", { "fleet.spec": { logLevel: "debug" } });
  await reconcile();
  const [fleet] = await fleets();
  expect(fleet).toMatchObject({ metadata: { name: "default" }, spec: { logLevel: "debug", enforcement: "Enabled" } });
});

it("keeps the emergency stop over an upgrade, and takes what the upgrade names", async () => {
  await server.expect("PATCH", `${FLEETS}/default`, { ...patch, body: { spec: { enforcement: "ObserveOnly" } } });
  await reconcile();
  await release("upgrade", { "fleet.spec": { maxPolicyAge: "1h" } });
  await reconcile();
  const [fleet] = await fleets();
  // What the values named and name no more is the kind's default again.
  expect(fleet.spec).toMatchObject({ enforcement: "ObserveOnly", maxPolicyAge: "1h", logLevel: "info" });
});

it("is written once, not at every look", async () => {
  const version = async () => (await fleets())[0].metadata.resourceVersion;
  const before = await version();
  await reconcile();
  expect(await version()).toBe(before);
});

it("changes its name with the values, and goes where they want none", async () => {
  await release("upgrade", { "fleet.name": "all-nodes" });
  await reconcile();
  expect((await fleets()).map(({ metadata }: any) => metadata.name)).toEqual(["all-nodes"]);
  await release("upgrade", { "fleet.create": false });
  await reconcile();
  expect(await fleets()).toEqual([]);
});

it("says where the values came from what the API server does not take of them, with the field", async () => {
  await release("upgrade", { "fleet.create": true, "fleet.spec": { sharedClients: ["10.0.0.1"] } });
  await expect((await defaultFleet()).reconcile(AbortSignal.timeout(30_000))).rejects.toThrow(/sharedClients\[0\]/);
  expect(told).toEqual([expect.stringMatching(/spec\.sharedClients\[0\]: .*Cannot read a CIDR, expected an address and prefix length/)]);
  await release("upgrade", { "fleet.create": false, "fleet.spec": {} });
  await reconcile();
});

it("leaves a fleet alone that somebody made under its name", async () => {
  await server.expect("POST", FLEETS, { body: { apiVersion: "flowreset.io/v1alpha1", kind: "SensorFleet", metadata: { name: "default" }, spec: { logLevel: "warn" } } });
  await release("upgrade", { "fleet.create": true });
  await expect((await defaultFleet()).reconcile(AbortSignal.timeout(30_000))).rejects.toThrow(/Delete the SensorFleet default/);
  expect((await fleets())[0].spec.logLevel).toBe("warn");
  await server.expect("DELETE", `${FLEETS}/default`);
});

it("is made by a running operator, and follows the values from then on", async () => {
  await release("upgrade", { "fleet.create": false });
  const file = server.kubeconfigOf({ token: await server.createToken({ namespace: NAMESPACE, name: "flowreset-operator" }) });
  const operator = await runOperator({
    version: "0.1.0", namespace: NAMESPACE, identity: "operator-0", address: "127.0.0.1", reportListen: "127.0.0.1:0", healthListen: "127.0.0.1:0", metricsListen: undefined, profilingListen: undefined,
    sensorServiceAccount: "flowreset-sensor", sensorImage: "flowreset:test", kubeconfig: file.path, context: undefined, logLevel: "silent",
  });
  opened.push(() => file[Symbol.dispose]());
  operator.finished.catch(() => {});
  try {
    const levels = async () => (await fleets()).map(({ spec }: any) => spec.logLevel);
    await release("upgrade", { "fleet.create": true, "fleet.spec": { logLevel: "error" } });
    await expect.poll(levels, { timeout: 60_000 }).toEqual(["error"]);
    await release("upgrade", { "fleet.spec": { logLevel: "trace" } });
    await expect.poll(levels, { timeout: 60_000 }).toEqual(["trace"]);
  } finally {
    await operator.close();
  }
});

it("is gone with the release, with no operator there to remove it, and comes again with the next one", async () => {
  await reconcile();
  expect(await fleets()).toHaveLength(1);
  await helm(["uninstall", "flowreset", "--namespace", NAMESPACE], server.kubeconfigPath);
  await expect.poll(fleets, { timeout: 60_000, interval: 250 }).toEqual([]);
  await release("install");
  await reconcile();
  expect(await fleets()).toHaveLength(1);
});
