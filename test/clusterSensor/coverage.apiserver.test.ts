/** Under eBPF host routing packets for a pod skip the host's side of its interface: the sensor says so, and kills all the same. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { echoes, Sessions } from "../lab/killing/sessions.ts";
import { identity, pointToPoint, redirectPeer } from "../lab/mod.ts";
import type { Lab, Network } from "../lab/mod.ts";
import type { ClusterSensor } from "./sensor.ts";
import { World } from "./world.ts";

const TOPOLOGIES: readonly [string, (lab: Lab) => Promise<Network>, string, RegExp][] = [
  ["redirect_peer", redirectPeer, "False", /v(client|server)/],
  ["point-to-point veths", pointToPoint, "True", /both directions/],
];

describe.runIf(identity() === "root").each(TOPOLOGIES)("by %s", (_, topology, coverage, message) => {
  let world: World;
  let sensor: ClusterSensor;

  beforeAll(async () => {
    world = await World.open({}, topology);
    sensor = await world.sensor();
    await world.pod("client", world.net.client);
    await world.pod("server", world.net.server);
    await sensor.said(/"bound":2/);
  });
  afterAll(async () => {
    await sensor?.stop();
    await world?.close();
  });

  it(`Coverage is ${coverage}`, async () => {
    const { client } = await new Sessions().open({ from: world.net.client, to: world.net.server }, "ipv4");
    for (let round = 0; round < 100; round++) await echoes(client);
    if (coverage === "False") await sensor.said(/only one direction is seen/, 40_000);
    const { status } = await world.sensorNode("Coverage to be told", ({ conditions }) => conditions?.find(({ type }: any) => type === "Coverage")?.status === coverage, 100_000);
    expect(status.conditions.find(({ type }: any) => type === "Coverage").message).toMatch(message);
  }, 150_000);
});
