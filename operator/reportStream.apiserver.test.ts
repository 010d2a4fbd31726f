import { gzipSync } from "node:zlib";
import { Agent } from "undici";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { MAX_REPORT_BYTES, type ResetReport } from "../crds/stream/mod.ts";
import type { RunningOperator } from "./options.ts";
import type { SimulatedSensor } from "./simulatedSensor.fixture.ts";
import { NAMESPACE, World } from "./world.fixture.ts";

let world: World;
let leader: RunningOperator;
let killed: { kill(): Promise<void> };
let other: RunningOperator;
let sensor: SimulatedSensor;
let stolen: string;

beforeAll(async () => {
  world = await World.start();
  await world.server.expect("POST", "/api/v1/namespaces", { body: { metadata: { name: "shop" } } });
  await world.server.createServiceAccount("shop", "default");
  for (const name of ["n1", "n2"]) await world.node(name);
  await world.pod("shop", "web", "n1", "10.244.1.7");
  leader = await world.operator("operator-0");
  await world.ready(leader);
  other = await world.operator("operator-1");
  await world.ready(other);
  sensor = await world.sensor("n1", ({ metadata: { name } }) => acts.get(name));
  stolen = await world.sensorToken("n2");
}, 240_000);
afterAll(() => world?.close(), 120_000);

const acts = new Map<string, Partial<ResetReport>>();
const body = (more: object = {}) => JSON.stringify({ ...sensor.report(), ...more });

describe("the report stream", () => {
  it("takes a report of the token's own node, plain and packed", async () => {
    expect((await sensor.send(body())).status).toBe(200);
    expect((await sensor.send(gzipSync(body()), { "content-encoding": "gzip" })).status).toBe(200);
  });

  it("is sent on by the replica that does not lead", async () => {
    const { ca, serverName } = await world.place();
    const agent = new Agent({ connect: { ca, servername: serverName } });
    const answer = await agent.request({ origin: other.reportUrl, path: "/v1/reports", method: "POST", body: body() });
    await answer.body.dump();
    await agent.destroy();
    expect([answer.statusCode, answer.headers["location"]]).toEqual([307, `${leader.reportUrl}/v1/reports`]);
  });

  for (const [what, status, words, send] of [
    ["without a token", 401, "Show the token", () => sensor.send(body(), {}, "")],
    ["with a made-up token", 401, "Show the token", () => sensor.send(body(), {}, "abc")],
    ["with a forged token of the right name", 401, "Show a token that the API server knows", () => sensor.send(body(), {}, forged())],
    ["with the token of another node", 403, "current node is n1", () => sensor.send(body(), {}, stolen)],
    ["of another node with its own token", 403, "Report of the token's own node, n1: current node is n2", () => sensor.send(body({ node: "n2" }))],
    ["with a token of another service account", 401, "Show the token", async () => sensor.send(body(), {}, await tokenOf("default", "n1"))],
    ["with a token that no pod is bound to", 403, "bound to a pod", async () => sensor.send(body(), {}, await world.server.createToken({ namespace: NAMESPACE, name: "flowreset-sensor" }))],
    ["that is no JSON", 400, "it is no JSON", () => sensor.send("{")],
    ["of a wrong form", 400, "Cannot read the report, sequence: ", () => sensor.send(body({ sequence: "one" }))],
    ["that is too large", 413, "at most", () => sensor.send(Buffer.alloc(MAX_REPORT_BYTES + 1, 32))],
    ["that is a bomb when unpacked", 413, "at most", () => sensor.send(gzipSync(Buffer.alloc(64 << 20)), { "content-encoding": "gzip" })],
    ["that is packed wrongly", 400, "Cannot unpack", () => sensor.send("hello", { "content-encoding": "gzip" })],
    ["in a form that nobody knows", 415, "current encoding is br", () => sensor.send(body(), { "content-encoding": "br" })],
  ] as const) {
    it(`refuses a report ${what}: ${status}`, async () => {
      const answer = await send();
      expect([answer.status, answer.body]).toEqual([status, expect.stringContaining(words)]);
      expect((await sensor.send(body())).status).toBe(200);
    });
  }

  it("tells a sensor that floods to report less often, and takes others' reports meanwhile", async () => {
    const flood = await Promise.all(Array.from({ length: 100 }, () => sensor.send(body())));
    expect(new Set(flood.map(({ status }) => status))).toEqual(new Set([200, 429]));
    expect(flood.find(({ status }) => status === 429)!.headers["retry-after"]).toBe("1");
    const quiet = await world.sensor("n2", undefined, stolen);
    expect((await quiet.post()).status).toBe(200);
  });
});

describe("when the leader dies during a FlowReset", () => {
  const until = (name: string, phase: string) => vi.waitFor(async () => expect((await world.statusOf("flowresets", name, "shop")).phase).toBe(phase), { timeout: 60_000, interval: 100 });
  const flow = { connection: "1 2", client: "10.244.1.7:4000", server: "192.0.2.9:443", outcome: "Confirmed", reason: "", rsts: 2, latencyMicroseconds: 300, actor: "first" } as const;
  const spec = { match: { client: { ip: "10.244.1.7" } } };

  it("and gives its lease back, the other one goes on with what the sensor did", async () => {
    await sensor.start();
    acts.set("kill-hold", { phase: "Active", flows: [flow] });
    await world.create("flowresets", { metadata: { name: "kill-hold" }, spec: { ...spec, hold: "8s" } }, "shop");
    await until("kill-hold", "Active");
    await leader.close();
    await vi.waitFor(() => expect(other.isLeader).toBe(true), { timeout: 60_000 });
    acts.set("kill-after", { flows: [flow] });
    await world.create("flowresets", { metadata: { name: "kill-after" }, spec }, "shop");
    await until("kill-after", "Succeeded");
    await until("kill-hold", "Succeeded");
    expect((await world.statusOf("flowresets", "kill-hold", "shop")).summary).toMatchObject({ matched: 1, confirmed: 1 });
  });

  it("and nobody leads for a while, the sensor keeps its result and tells it to the next", async () => {
    await vi.waitFor(() => expect(sensor.unacknowledged.size).toBe(0), { timeout: 60_000 });
    await other.close();
    acts.set("kill-alone", { flows: [flow] });
    await world.create("flowresets", { metadata: { name: "kill-alone" }, spec }, "shop");
    await vi.waitFor(() => expect(sensor.unacknowledged.size).toBe(1), { timeout: 60_000 });
    expect(await world.statusOf("flowresets", "kill-alone", "shop")).toEqual({});
    killed = await world.operatorProcess("operator-2");
    await until("kill-alone", "Succeeded");
    expect((await world.statusOf("flowresets", "kill-alone", "shop")).summary).toMatchObject({ matched: 1, confirmed: 1 });
    await vi.waitFor(() => expect(sensor.unacknowledged.size).toBe(0), { timeout: 60_000 });
  });

  it("and is killed, the next one takes over when its lease has run out", async () => {
    await vi.waitFor(async () => expect((await sensor.post()).status).toBe(200), { timeout: 60_000 });
    acts.set("kill-killed", { phase: "Active", flows: [flow] });
    await world.create("flowresets", { metadata: { name: "kill-killed" }, spec: { ...spec, hold: "25s" } }, "shop");
    await until("kill-killed", "Active");
    await killed.kill();
    acts.set("kill-between", { flows: [flow] });
    await world.create("flowresets", { metadata: { name: "kill-between" }, spec }, "shop");
    await world.operator("operator-3");
    await until("kill-between", "Succeeded");
    await until("kill-killed", "Succeeded");
    for (const name of ["kill-between", "kill-killed"]) expect((await world.statusOf("flowresets", name, "shop")).summary).toMatchObject({ matched: 1, confirmed: 1 });
  }, 240_000);
});

describe("metrics", () => {
  it("are for those who may read them", async () => {
    await world.create("flowresets", { metadata: { name: "kill-counted" }, spec: { match: { client: { ip: "10.244.1.7" } } } }, "shop");
    const measured = await world.operator("operator-4", { metricsListen: "127.0.0.1:0", profilingListen: "127.0.0.1:0" });
    await world.ready(measured);
    const { ca, serverName } = await world.place();
    const agent = new Agent({ connect: { ca, servername: serverName } });
    const scrape = async (token?: string) => {
      const answer = await agent.request({ origin: measured.metricsUrl!, path: "/metrics", method: "GET", headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
      return { status: answer.statusCode, text: await answer.body.text() };
    };
    await world.server.createServiceAccount("shop", "prometheus");
    const token = await world.server.createToken({ namespace: "shop", name: "prometheus" });
    expect([(await scrape()).status, (await scrape("made.up.token")).status, (await scrape(token)).status]).toEqual([401, 401, 403]);
    const role = { metadata: { name: "metrics-reader" } };
    await world.server.expect("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", { body: { ...role, rules: [{ nonResourceURLs: ["/metrics"], verbs: ["get"] }] } });
    const binding = { ...role, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "metrics-reader" }, subjects: [{ kind: "ServiceAccount", namespace: "shop", name: "prometheus" }] };
    await world.server.expect("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", { body: binding });
    await vi.waitFor(async () => expect((await scrape(token)).status).toBe(200), { timeout: 60_000, interval: 500 });
    const { text } = await scrape(token);
    expect(text).toMatch(/flowreset_operator_leader 0/);
    expect(text).toMatch(/flowreset_operator_api_requests_total\{verb="create",resource="tokenreviews.authentication.k8s.io",code="201"\} \d+/);
    await agent.destroy();
  });
});

function forged(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ sub: `system:serviceaccount:${NAMESPACE}:flowreset-sensor` })}.c2lnbmF0dXJl`;
}

async function tokenOf(serviceAccountName: string, node: string): Promise<string> {
  const name = `${serviceAccountName}-${node}`;
  const uid = await world.pod(NAMESPACE, name, node, "", { serviceAccountName });
  return world.server.createToken({ namespace: NAMESPACE, name: serviceAccountName }, { boundTo: { kind: "Pod", name, uid } });
}
