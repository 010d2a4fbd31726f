/** From `kubectl apply` to dead sockets: a real API server, the real sensor, real connections between pods. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { echoes, FAMILIES, isDead, Sessions } from "../lab/killing/sessions.ts";
import type { Session } from "../lab/killing/sessions.ts";
import { MARK } from "../lab/policies.ts";
import { identity, until } from "../lab/mod.ts";
import type { ClusterSensor } from "./sensor.ts";
import { World } from "./world.ts";

let world: World;
let sensor: ClusterSensor;
const sessions = new Sessions();

beforeAll(async () => {
  world = await World.open();
  sensor = await world.sensor();
  await world.pod("client", world.net.client, { labels: { app: "client" } });
  await world.pod("server", world.net.server, { labels: { app: "web" } });
  await sensor.said(/"bound":2/);
});
afterAll(async () => {
  await sensor?.stop();
  await world?.close();
});

describe.runIf(identity() === "root").each(FAMILIES)("a sensor in a cluster, over %s", (family) => {
  const between = (): Promise<Session> => sessions.open({ from: world.net.client, to: world.net.server }, family);

  it("kills the connection that a FlowReset names, and no other", async () => {
    const [neighbour, doomed] = [await between(), await between()];
    const { localAddress: ip, localPort: port } = doomed.client;
    await world.apply("FlowReset", `kill-one-${family}`, { match: { client: { ip, port }, server: { ip: doomed.host, port: doomed.port } } });
    await isDead(doomed);
    await echoes(neighbour.client);
    expect((await sensor.outcome(port)).flowreset).toMatchObject({ flow_reset: `${world.namespace}/kill-one-${family}`, outcome: "Confirmed" });
  });

  it("cuts what a policy enforces from the moment that it is applied", async () => {
    const [neighbour, doomed] = [await between(), await between()];
    const rule = `alert tcp any any -> any any (msg:"says it"; content:"${MARK}"; sid:1;)`;
    await world.apply("ResponsePolicy", `forbidden-${family}`, { mode: "Enforce", subject: { podSelector: { matchLabels: { app: "web" } } }, rules: [{ name: "says-it", signature: { rules: [rule] } }] });
    await until("the policy in force", async () => (await sensor.command(["status"])).stdout.includes(`${world.namespace}/forbidden-${family}`));
    doomed.client.write(MARK);
    await isDead(doomed);
    await echoes(neighbour.client);
    await world.server.kubectl(["delete", "responsepolicy", `forbidden-${family}`, "--namespace", world.namespace]);
  });
});
