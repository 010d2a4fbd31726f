/** What a sensor tells its cluster, and what it does when somebody says stop or writes nonsense. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { echoes, isDead, Sessions } from "../lab/killing/sessions.ts";
import type { Session } from "../lab/killing/sessions.ts";
import { identity, until } from "../lab/mod.ts";
import { startStreamServer } from "../../sensor/cluster/reportStream/server.fixture.ts";
import type { StreamServer } from "../../sensor/cluster/reportStream/server.fixture.ts";
import { ApiRelay } from "./apiRelay.ts";
import type { ClusterSensor } from "./sensor.ts";
import { INSTALL_NAMESPACE, World } from "./world.ts";

let world: World;
let sensor: ClusterSensor;
let operator: StreamServer;
const startSensor = (): Promise<ClusterSensor> => world.sensor({ more: ["--report-token-file", join(world.net.lab.directory, "token")] });
const sessions = new Sessions();

beforeAll(async () => {
  world = await World.open();
  operator = await startStreamServer();
  operator.answer = ({ sequence }) => ({ body: { acknowledged: sequence, nextReportMs: 500 } });
  await ApiRelay.open(world.net.node, operator.target.url);
  const { url, serverName, ca } = operator.target;
  await world.server.apply([{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "flowreset-report-stream", namespace: INSTALL_NAMESPACE }, data: { url, serverName, ca, podCidrs: "[]" } }]);
  writeFileSync(join(world.net.lab.directory, "token"), "a-token");
  sensor = await startSensor();
  await world.pod("client", world.net.client, { labels: { app: "client" } });
  await world.pod("server", world.net.server, { labels: { app: "web" } });
  await sensor.said(/"bound":2/);
});
afterAll(async () => {
  await sensor?.stop();
  await operator?.[Symbol.asyncDispose]();
  await world?.close();
});

const between = (): Promise<Session> => sessions.open({ from: world.net.client, to: world.net.server }, "ipv4");
/** One try. A connection that is refused as it establishes may show at one end only: nobody waits for the other. */
async function livesNow(): Promise<boolean> {
  const opening = between().catch(() => undefined);
  const session = await Promise.race([opening, sleep(2_000)]);
  return session !== undefined && (await echoes(session.client).then(() => true));
}
const says = (text: string): object => ({ name: "says-it", signature: { rules: [`alert tcp any any -> any any (msg:"says it"; content:"${text}"; sid:1;)`] } });
const killing = ({ client, host, port }: Session): object => ({ match: { client: { ip: client.localAddress, port: client.localPort }, server: { ip: host, port } } });

describe.runIf(identity() === "root")("a sensor in a cluster", () => {
  it("makes its SensorNode, owned by its Node, and says what it sees", async () => {
    const { metadata, spec, status } = await world.sensorNode("the SensorNode to be Ready", ({ conditions }) => conditions?.length === 4);
    const { body: node } = await world.server.request("GET", `/api/v1/nodes/${world.node}`);
    expect(metadata.ownerReferences).toEqual([{ apiVersion: "v1", kind: "Node", name: world.node, uid: node.metadata.uid }]);
    expect(spec).toEqual({ fleet: world.node });
    expect(status.conditions.map(({ type, status: holds }: any) => `${type} ${holds}`)).toEqual(["Ready True", "Coverage True", "PolicyFresh True", "ApiServerReachable True"]);
    expect(status).toMatchObject({ enforcement: "Enabled", missingRights: [] });
  });

  it("reports what became of a FlowReset, by its connection, its pods and its numbers", async () => {
    const doomed = await between();
    await world.apply("FlowReset", "report-me", killing(doomed));
    await isDead(doomed);
    const done = await until("the result", () => operator.reports.flatMap(({ resets }) => resets).find(({ name, phase }) => name === "report-me" && phase === "Done"));
    const flows = operator.reports.flatMap(({ resets }) => resets.filter(({ name }) => name === "report-me")).flatMap((reset) => reset.flows);
    expect(done).toMatchObject({ kind: "FlowReset", namespace: world.namespace, matched: 1 });
    expect(flows).toMatchObject([{ connection: expect.stringMatching(/^\d+ \d+$/), clientPod: `${world.namespace}/client`, serverPod: `${world.namespace}/server`, outcome: "Confirmed", actor: "first" }]);
    expect(operator.tokens.at(-1)).toBe("Bearer a-token");
  });

  it("says that it has looked when nothing matched", async () => {
    await world.apply("FlowReset", "nothing", { match: { client: { ip: world.net.client.ipv4, port: 1 }, server: { ip: world.net.server.ipv4, port: 1 } } });
    const { body } = await world.server.request("GET", `/apis/flowreset.io/v1alpha1/namespaces/${world.namespace}/flowresets/nothing`);
    await until("the observed version", () => Number(operator.reports.at(-1)?.observed.flowResets) >= Number(body.metadata.resourceVersion));
  });

  it("keeps the last good version of a policy in force when a broken one comes, names the field, and harms no other", async () => {
    await world.apply("ClusterResponsePolicy", "changes", { mode: "Enforce", rules: [says("GOOD-ONE")] });
    await world.apply("ClusterResponsePolicy", "other", { mode: "Enforce", rules: [says("OTHER-ONE")] });
    await until("both to be in force", async () => /changes[^]*other/.test((await sensor.command(["status"])).stdout));
    await world.apply("ClusterResponsePolicy", "changes", { mode: "Enforce", rules: [{ name: "says-it", signature: { rules: ["alert nonsense"] } }] });
    const failure = await until("the failure", () => operator.reports.flatMap(({ failures = [] }) => failures).find(({ name }) => name === "changes"));
    expect(failure).toMatchObject({ kind: "ClusterResponsePolicy", generation: 2, message: expect.stringMatching(/^spec\.rules\[0\]\.signature\.rules\[0\]: /) });
    const [byOld, byOther] = [await between(), await between()];
    byOld.client.write("GOOD-ONE");
    byOther.client.write("OTHER-ONE");
    await Promise.all([isDead(byOld), isDead(byOther)]);
    const counters = await until("the counters", () => operator.reports.flatMap((report) => report.counters).find(({ name, confirmed }) => name === "other" && confirmed > 0), 20_000);
    expect(counters).toMatchObject({ detections: 1, reset: 1, confirmed: 1 });
    await world.server.kubectl(["delete", "clusterresponsepolicy", "changes", "other"]);
  });

  it("injects nothing while the fleet observes only, and says so, then goes on", async () => {
    await world.apply("SensorFleet", world.node, { enforcement: "ObserveOnly" });
    await sensor.said(/"by":"fleet","stopped":true/);
    const spared = await between();
    await world.apply("FlowReset", "held-back", killing(spared));
    const flows = await until("the result", () => operator.reports.flatMap(({ resets }) => resets.filter(({ name }) => name === "held-back")).flatMap((reset) => reset.flows)[0]);
    expect(flows).toMatchObject({ outcome: "WouldReset", reason: "ObserveOnlyFleet", rsts: 0 });
    await echoes(spared.client);
    expect(operator.reports.at(-1)?.health.enforcement).toBe("ObserveOnly");
    await world.apply("SensorFleet", world.node, { enforcement: "Enabled" });
    await sensor.said(/"by":"fleet","stopped":false/);
    await world.apply("FlowReset", "again", killing(spared));
    await isDead(spared);
  });

  it("spares what its fleet protects since a moment ago, of a FlowReset too", async () => {
    const spared = await between();
    const apiVersion = "flowreset.io/v1alpha1";
    await world.server.apply([
      { apiVersion, kind: "SensorFleet", metadata: { name: world.node }, spec: { protectedEndpoints: [{ cidr: `${spared.host}/32`, ports: [String(spared.port)] }] } },
      { apiVersion, kind: "FlowReset", metadata: { name: "too-late", namespace: world.namespace }, spec: killing(spared) },
    ]);
    const flow = await until("the result", () => operator.reports.flatMap(({ resets }) => resets.filter(({ name }) => name === "too-late")).flatMap(({ flows }) => flows)[0]);
    expect(flow).toMatchObject({ outcome: "Suppressed", reason: "ProtectedEndpoint" });
    await echoes(spared.client);
    await world.apply("SensorFleet", world.node, {});
  });

  it("ends what a policy holds when it is deleted", async () => {
    const HELD = "HOLD-THE-NEXT-TOO";
    await world.apply("ResponsePolicy", "holding", { mode: "Enforce", subject: { podSelector: { matchLabels: { app: "web" } } }, rules: [says(HELD)], respond: { reset: { hold: "10m" } } });
    await until("the policy to cut, and to hold", async () => {
      const doomed = await between().catch(() => undefined);
      if (doomed === undefined) return true;
      doomed.client.write(HELD);
      await Promise.race([isDead(doomed), doomed.client.received(HELD.length)]);
      return false;
    });
    await world.server.kubectl(["delete", "responsepolicy", "holding", "--namespace", world.namespace]);
    await until("a new connection to live", livesNow);
  });

  it("ends what a FlowReset holds when it is deleted", async () => {
    const doomed = await between();
    await world.apply("FlowReset", "hold", { ...killing(doomed), hold: "10m" });
    await isDead(doomed);
    await expect(between()).rejects.toThrow();
    await world.server.kubectl(["delete", "flowreset", "hold", "--namespace", world.namespace]);
    await until("a new connection to live", livesNow);
  });

  it("goes on holding for a FlowReset after it was killed, and until the object is deleted", async () => {
    const doomed = await between();
    await world.apply("FlowReset", "outlives", { ...killing(doomed), hold: "10m" });
    await isDead(doomed);
    await sensor.stop("SIGKILL");
    sensor = await startSensor();
    await sensor.said(/holding what an earlier sensor held/);
    // It says so as it begins; who comes in that very moment may establish.
    await until("a new connection to be refused", async () => !(await livesNow().catch(() => false)));
    await world.server.kubectl(["delete", "flowreset", "outlives", "--namespace", world.namespace]);
    await until("a new connection to live", livesNow);
  });
});
