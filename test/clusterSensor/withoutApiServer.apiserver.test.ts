/** The API server goes away, and the sensor is started again without it: it goes on with what it knew, and no further. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { echoes, isDead, Sessions } from "../lab/killing/sessions.ts";
import type { Session } from "../lab/killing/sessions.ts";
import { identity, until } from "../lab/mod.ts";
import type { Station } from "../lab/mod.ts";
import type { ClusterSensor } from "./sensor.ts";
import { World } from "./world.ts";

const MARK = "DIE-ALSO-NOW";
/** Address of a pod that ends, and of the one after it. */
const MORTAL = 77;
let world: World;
let mortal: Station;
let sensor: ClusterSensor;
const sessions = new Sessions();
const stateFile = (): string => join(world.net.lab.directory, "sensor/state/state.json");

beforeAll(async () => {
  world = await World.open();
  sensor = await world.sensor();
  await world.pod("client", world.net.client, { labels: { app: "client" } });
  await world.pod("server", world.net.server, { labels: { app: "web" } });
  mortal = await world.net.addPod("mortal", MORTAL);
  await world.pod("mortal", mortal, { labels: { app: "web" } });
  const rules = [{ name: "says-it", signature: { rules: [`alert tcp any any -> any any (msg:"says it"; content:"${MARK}"; sid:1;)`] } }];
  await world.apply("ResponsePolicy", "guard-web", { mode: "Enforce", subject: { podSelector: { matchLabels: { app: "web" } } }, rules });
  await sensor.said(/"bound":3/);
  await until("the state on disk", () => /guard-web/.test(readFileSync(stateFile(), "utf8")) && /("incarnation":.*){3}/.test(readFileSync(stateFile(), "utf8")), 20_000, 100);
});
afterAll(async () => {
  await sensor?.stop();
  await world?.close();
});

const between = (): Promise<Session> => sessions.open({ from: world.net.client, to: world.net.server }, "ipv4");

describe.runIf(identity() === "root")("without an API server", () => {
  it("a running sensor goes on protecting", async () => {
    world.relay.cut();
    await sensor.said(/"live":false/);
    const doomed = await between();
    doomed.client.write(MARK);
    await isDead(doomed);
  });

  it("a sensor that starts so protects by the state on disk, and says so", async () => {
    await sensor.stop("SIGKILL");
    sensor = await world.sensor();
    await sensor.said(/going on with the state on disk/);
    expect((await sensor.get("/readyz")).status).toBe(200);
    const doomed = await between();
    doomed.client.write(MARK);
    await isDead(doomed);
  });

  it("cuts at an address while its owner lives, and never touches the next owner", async () => {
    const doomed = await sessions.open({ from: world.net.client, to: mortal }, "ipv4");
    doomed.client.write(MARK);
    await isDead(doomed);
    // The pod ends, and another gets its address: of neither the API server can tell.
    await world.net.node.run(["ip", "link", "delete", mortal.nodeDevice]);
    await world.net.removePod("mortal");
    await world.net.client.namespace.run(["ip", "neigh", "flush", "to", mortal.ipv4]);
    const successor = await world.net.addPod("successor", MORTAL);
    expect(successor.ipv4).toBe(mortal.ipv4);
    const spared = await sessions.open({ from: world.net.client, to: successor }, "ipv4");
    spared.client.write(MARK);
    await spared.client.received(MARK.length + 5);
    // What came later is dead: what came before had its time.
    const later = await between();
    later.client.write(MARK);
    await isDead(later);
    await echoes(spared.client);
    expect(spared.client.end).toBeUndefined();
    expect(sensor.events.filter(({ event_type: type, flow }) => type === "outcome" && flow.src_port === spared.client.localPort)).toEqual([]);
  });

  it("enforces nothing once the state is older than maxPolicyAge, until the API server is back", async () => {
    await sensor.stop();
    const state = JSON.parse(readFileSync(stateFile(), "utf8"));
    writeFileSync(stateFile(), JSON.stringify({ ...state, contactMs: state.contactMs - 25 * 3_600_000 }));
    sensor = await world.sensor();
    await sensor.said(/longer than maxPolicyAge: nothing is enforced/);
    expect((await sensor.command(["status"])).stdout).toMatch(/injecting +no: the API server has been silent/);
    world.relay.mend();
    await sensor.said(/"by":"policy age","stopped":false/, 60_000);
    const { status } = await world.sensorNode("the SensorNode", ({ conditions }) => conditions?.some(({ type, status: holds }: any) => type === "PolicyFresh" && holds === "True"), 90_000);
    expect(status.heartbeatTime).toBeTruthy();
  });

  it("a damaged state is said and ignored", async () => {
    await sensor.stop();
    writeFileSync(stateFile(), '{"version":1,"node":');
    sensor = await world.sensor();
    await sensor.said(/cut or damaged; it is ignored/);
    await sensor.said(/policies in force/);
  });
});
