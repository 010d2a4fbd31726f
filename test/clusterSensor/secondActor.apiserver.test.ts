/**
 * A connection between pods of two nodes, a real sensor on each: with one mark key, mounted as the operator mounts it,
 * the server's sensor waits for the client's, knows its RSTs and sends none. Without, each knows its own alone.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isDead, Sessions } from "../lab/killing/sessions.ts";
import { identity, until } from "../lab/mod.ts";
import { PODS } from "../lab/network.ts";
import { MARK } from "../lab/policies.ts";
import { vxlan } from "../lab/topologies/vxlan.ts";
import type { OverlayNetwork } from "../lab/topologies/vxlan.ts";
import { ApiRelay } from "./apiRelay.ts";
import { ClusterSensor } from "./sensor.ts";
import { World } from "./world.ts";

const CONNECTIONS = 6;
const sessions = new Sessions();
let world: World;
let net: OverlayNetwork;
let fleetNamespace: string;
let node2: string;

beforeAll(async () => {
  world = await World.open({}, async (lab) => (net = await vxlan(lab)));
  const { server } = world;
  await ApiRelay.open(net.node2, server.url);
  node2 = `${world.node}-2`;
  await server.expect("POST", "/api/v1/nodes", { body: { metadata: { name: node2 } } });
  fleetNamespace = await server.createNamespace("fleet");
  const data = { podCidrs: JSON.stringify([`${PODS.ipv4.replace(/\.\d+$/, "")}.0.0/16`]) };
  await server.apply([{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "flowreset-report-stream", namespace: fleetNamespace }, data }]);
  await world.pod("client", net.client);
  await world.pod("server", net.server, { spec: { nodeName: node2 } });
  const rule = `alert tcp any any -> any any (msg:"says it"; content:"${MARK}"; sid:1;)`;
  await world.apply("ResponsePolicy", "forbidden", { mode: "Enforce", subject: { podSelector: {} }, rules: [{ name: "says-it", signature: { rules: [rule] } }] });
});
afterAll(() => world?.close());

interface Second {
  /** Forged packets that it sent for one connection. */
  readonly rsts: number;
  /** Forged packets on their way that it knew by their mark. */
  readonly known: number;
}

/** What the sensor of the server's node did about each connection; both sensors are told of the same file. */
async function secondOf(keyFile: string, check: (second: ClusterSensor) => Promise<void> = async () => {}): Promise<Second[]> {
  const words = { more: ["--namespace", fleetNamespace], environment: { MARK_KEY_FILE: keyFile } };
  const first = await world.sensor(words);
  const home = join(net.lab.directory, "second");
  mkdirSync(home, { recursive: true });
  const second = await ClusterSensor.start(net.node2, home, ["--node", node2, "--fleet", world.node, "--kubeconfig", world.kubeconfig], words);
  const done: Second[] = [];
  try {
    for (const sensor of [first, second]) {
      await sensor.said(/"bound":1/);
      await until("the policy in force", async () => (await sensor.command(["status"])).stdout.includes(`${world.namespace}/forbidden`));
    }
    for (let count = 0; count < CONNECTIONS; count++) {
      const before = await second.metric("flowreset_own_packets_total");
      const doomed = await sessions.open({ from: net.client, to: net.server }, "ipv4");
      doomed.client.write(MARK);
      await isDead(doomed);
      const [one, two] = await Promise.all([first, second].map(async (sensor) => (await sensor.outcome(doomed.client.localPort)).flowreset));
      expect([one!.outcome, two!.outcome]).toEqual(["Confirmed", "Confirmed"]);
      done.push({ rsts: two!.rsts!, known: (await second.metric("flowreset_own_packets_total")) - before });
    }
    await check(second);
  } finally {
    await Promise.all([first.stop(), second.stop()]);
  }
  return done;
}

const heldBack = (done: readonly Second[]): Second[] => done.filter(({ rsts }) => rsts === 0);

describe.runIf(identity() === "root")("the sensor of the server's node", () => {
  it("knows the resets of the client's by the fleet's key, and sends none", async () => {
    const key = join(net.lab.directory, "mark.key");
    writeFileSync(key, "0123456789abcdef");
    const done = await secondOf(key);
    // A busy machine may stop the first sensor for longer than the second one waits, but not each time.
    expect(heldBack(done).length).toBeGreaterThan(CONNECTIONS / 2);
    expect(heldBack(done).some(({ known }) => known > 0)).toBe(true);
  });

  it("knows none of them without the key, says so, and the connections are as dead", async () => {
    const done = await secondOf(join(net.lab.directory, "no-such.key"), async (second) => {
      await second.said(/"fault":"Cannot read the mark key: ENOENT/);
      const { body } = await world.server.request("GET", `/apis/flowreset.io/v1alpha1/sensornodes/${node2}`);
      expect(body.status.conditions.find(({ type }: { type: string }) => type === "Ready")).toMatchObject({ status: "True", message: expect.stringContaining("does not know other sensors' resets: Cannot read the mark key") });
    });
    expect(heldBack(done).filter(({ known }) => known > 0)).toEqual([]);
  });
});
