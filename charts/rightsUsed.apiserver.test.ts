/**
 * The roles of the chart against what the programs really ask of an API server: the operator runs with its service
 * account's token through the life of each kind, and the API server's audit log says which rights it needed.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Agent } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunningOperator } from "../operator/options.ts";
import { World } from "../operator/world.fixture.ts";
import { CHART, helm, NAMESPACE, render } from "./helm.fixture.ts";
import { refusedCalls, rightsOf, unusedRights } from "./rights.fixture.ts";

let world: World;
let operator: RunningOperator;
let file: ReturnType<World["server"]["kubeconfigOf"]>;

beforeAll(async () => {
  world = await World.start({ controllerManager: ["garbage-collector-controller"] });
  await helm(["install", "flowreset", CHART, "--namespace", NAMESPACE, "--take-ownership"], world.server.kubeconfigPath);
  await world.server.expect("POST", "/api/v1/namespaces", { body: { metadata: { name: "shop" } } });
  await world.server.createServiceAccount("shop", "default");
  for (const [index, name] of ["n1", "n2"].entries()) await world.node(name, { address: `192.168.0.${index + 1}` });
  await world.pod("shop", "web", "n1", "10.244.1.7", { labels: { app: "web" } });
  // Silent before the operator came: only then is a heartbeat's time taken at its word.
  await world.create("sensornodes", { metadata: { name: "n2" }, spec: { fleet: "default" } });
  const time = new Date(Date.now() - 300_000).toISOString();
  const status = { heartbeatTime: time, conditions: [{ type: "Ready", status: "True", reason: "Watching", message: "", lastTransitionTime: time }] };
  await world.server.expect("PATCH", "/apis/flowreset.io/v1alpha1/sensornodes/n2/status", { body: { status }, contentType: "application/merge-patch+json" });
  file = world.server.kubeconfigOf({ token: await world.server.createToken({ namespace: NAMESPACE, name: "flowreset-operator" }) });
  operator = await world.operator("operator-0", { kubeconfig: file.path, metricsListen: "127.0.0.1:0" });
  await world.ready(operator);
  // There is no kube-proxy that would answer at the Service's address.
  const told = world.place.bind(world);
  world.place = async () => ({ ...(await told()), url: operator.reportUrl });
}, 240_000);
afterAll(async () => {
  await world?.close();
  file?.[Symbol.dispose]();
}, 120_000);

/** Rights that this file cannot make the operator need. */
const notReachedHere = new RegExp(
  [
    "sensorfleets\\.flowreset\\.io/finalizers", // Never called: an admission plugin of OpenShift asks whether it is there.
    "patch events", // A series that goes on for minutes.
    "get (cluster)?flowresets", // A result that comes after the end.
  ].join("|"),
);
const operatorCalls = () => world.server.callsOf({ namespace: NAMESPACE, name: "flowreset-operator" });

describe("the operator's roles", () => {
  it("suffice for FlowResets, from their making to their end", async () => {
    const flow = { connection: "1 2", client: "10.244.1.7:40000", server: "10.244.2.9:443", outcome: "Confirmed", reason: "", rsts: 2, latencyMicroseconds: 412, actor: "first", clientPod: "shop/web" } as const;
    await (await world.sensor("n1", () => ({ flows: [flow] }))).start();
    const spec = { match: { client: { ip: "10.244.1.7" }, server: { ip: "10.244.2.9", port: 443 } }, ttlSecondsAfterFinished: 1 };
    await world.create("flowresets", { metadata: { name: "kill" }, spec }, "shop");
    await world.create("clusterflowresets", { metadata: { name: "kill" }, spec });
    await expect.poll(() => world.statusOf("flowresets", "kill", "shop"), { timeout: 60_000 }).toBe("gone");
    await expect.poll(() => world.statusOf("clusterflowresets", "kill"), { timeout: 60_000 }).toBe("gone");
    await expect.poll(async () => (await world.server.expect("GET", "/apis/events.k8s.io/v1/namespaces/shop/events")).items.length, { timeout: 60_000 }).toBeGreaterThan(0);
  });

  it("suffice for policies, whose status tells what became of them", async () => {
    const spec = { rules: [{ name: "a", peers: { cidrs: ["203.0.113.0/24"] }, connection: {} }] };
    await world.create("responsepolicies", { metadata: { name: "a" }, spec }, "shop");
    await world.create("clusterresponsepolicies", { metadata: { name: "a" }, spec });
    await expect.poll(async () => (await world.statusOf("responsepolicies", "a", "shop")).observedGeneration, { timeout: 60_000 }).toBe(1);
    await expect.poll(async () => (await world.statusOf("clusterresponsepolicies", "a")).observedGeneration, { timeout: 60_000 }).toBe(1);
  });

  it("suffice for a fleet and its DaemonSet, which follows it", async () => {
    const image = async () => {
      const { items } = await world.server.expect("GET", `/apis/apps/v1/namespaces/${NAMESPACE}/daemonsets`);
      return items.map(({ spec }: any) => spec.template.spec.containers[0].image);
    };
    await expect.poll(image, { timeout: 60_000 }).toEqual(["flowreset:test"]);
    await world.server.expect("PATCH", "/apis/flowreset.io/v1alpha1/sensorfleets/default", { contentType: "application/merge-patch+json", body: { spec: { image: "flowreset:other" } } });
    await expect.poll(image, { timeout: 60_000 }).toEqual(["flowreset:other"]);
    await expect.poll(async () => (await world.statusOf("sensorfleets", "default")).observedGeneration, { timeout: 60_000 }).toBe(2);
  });

  it("suffice for SensorNodes, of which a silent one says so, and which go with their node", async () => {
    const readiness = async () => (await world.statusOf("sensornodes", "n2")).conditions.find(({ type }: { type: string }) => type === "Ready");
    await expect.poll(readiness, { timeout: 60_000 }).toMatchObject({ status: "Unknown", reason: "HeartbeatStopped" });
    await world.create("sensornodes", { metadata: { name: "no-such-node" }, spec: { fleet: "default" } });
    await expect.poll(() => world.statusOf("sensornodes", "no-such-node"), { timeout: 60_000 }).toBe("gone");
  });

  it("suffice for the default fleet, which goes where the values want none", async () => {
    const fleets = async () => (await world.server.expect("GET", "/apis/flowreset.io/v1alpha1/sensorfleets")).items.length;
    await expect.poll(fleets, { timeout: 60_000 }).toBe(1);
    await helm(["upgrade", "flowreset", CHART, "--namespace", NAMESPACE, "--set", "fleet.create=false"], world.server.kubeconfigPath);
    await expect.poll(fleets, { timeout: 60_000 }).toBe(0);
  });

  it("suffice for metrics, which only an account of the role flowreset-metrics reads", async () => {
    const { server } = world;
    const place = await world.place();
    const agent = new Agent({ connect: { ca: place.ca, servername: place.serverName } });
    const scrape = async (name: string) => {
      const token = await server.createToken({ namespace: NAMESPACE, name });
      const { statusCode, body } = await agent.request({ origin: operator.metricsUrl!, path: "/metrics", method: "GET", headers: { authorization: `Bearer ${token}` } });
      await body.dump();
      return statusCode;
    };
    await server.createServiceAccount(NAMESPACE, "flowreset-metrics");
    await server.kubectl(["create", "clusterrolebinding", "metrics", "--clusterrole=flowreset-metrics", `--serviceaccount=${NAMESPACE}:flowreset-metrics`]);
    await expect.poll(() => scrape("flowreset-metrics"), { timeout: 60_000 }).toBe(200);
    expect(await scrape("flowreset-sensor")).toBe(403);
    await agent.close();
  });

  it("were enough: the API server refused nothing", () => {
    expect(operatorCalls().length).toBeGreaterThan(20);
    expect(refusedCalls(operatorCalls())).toEqual([]);
  });

  it("hold no right that nothing needed", async () => {
    const unused = unusedRights(rightsOf(await render(), "flowreset-operator"), operatorCalls());
    expect(unused.filter((right) => !notReachedHere.test(right))).toEqual([]);
  });
});

describe("helm test", () => {
  const folder = mkdtempSync(join(tmpdir(), "flowreset-helm-test-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function run(told: Readonly<Record<string, string>>): Promise<string> {
    for (const [key, value] of Object.entries(told)) writeFileSync(join(folder, key), value);
    const script = join(CHART, "files/reportStreamTest.mjs");
    return promisify(execFile)(process.execPath, [script], { env: { REPORT_STREAM: folder } }).then(({ stdout }) => stdout, ({ stderr }: { stderr: string }) => stderr);
  }

  it("is content with an operator that leads, and takes no report from somebody without a token", async () => {
    expect(await run({ ...(await world.place()) })).toMatch(/: 401, expected 401/);
  });

  it("is content with a replica that does not lead, and names the one that does", async () => {
    const waiting = await world.operator("operator-1", { kubeconfig: file.path });
    const told = { ...(await world.place()), url: waiting.reportUrl };
    await expect.poll(() => run(told), { timeout: 30_000 }).toMatch(/: 307, [^]*: 401, expected 401/);
  });

  it("is not content where nobody answers, or somebody else does", async () => {
    const told = { ...(await world.place()) };
    expect(await run({ ...told, serverName: "somebody.else.svc" })).toMatch(/Cannot reach the operator.*(altnames|does not match)/s);
    expect(await run({ ...told, ca: world.server.caPem })).toMatch(/Cannot reach the operator.*(self-signed|unable to|signature)/s);
    expect(await run({ ...told, url: "https://127.0.0.1:1" })).toMatch(/Cannot reach the operator.*ECONNREFUSED/s);
  });
});
