/** The scenes of the demo, as tests: the right connection dies at both ends, proved, and its neighbour does not. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SCENES } from "./demo/scenes.ts";
import { openStage } from "./demo/stage.ts";
import type { Stage } from "./demo/stage.ts";
import { Lab } from "./mod.ts";
import type { Connection } from "./mod.ts";
import { enforcing, MARK } from "./policies.ts";
import { SensorProcess } from "./sensor.ts";
import { until } from "./wait.ts";

let lab: Lab;
let stage: Stage;
let neighbour: Connection;

beforeAll(async () => {
  lab = await Lab.open();
  stage = await openStage(lab, () => {});
  await stage.server.listen({ port: 9_500, behaviour: "echo" });
  neighbour = await stage.client.connect({ host: stage.net.server.ipv4, port: 9_500 });
});

afterAll(() => lab.close());

describe("the sensor on the examples", () => {
  for (const scene of SCENES) {
    test(scene.title, async () => {
      expect((await scene.play(stage)).outcome).toMatch(/^Confirmed|^4 would-resets/);
      neighbour.write("still here");
      expect(neighbour.end).toBeUndefined();
    });
  }

  test("a legitimate download beside all this has the right checksum, and an idle neighbour still echoes", async () => {
    const { curlExit, bytes, sha256, sentBytes, sentSha256 } = await stage.download.finish();
    expect({ curlExit, bytes, sha256 }).toEqual({ curlExit: 0, bytes: sentBytes, sha256: sentSha256 });
    await neighbour.received("still here".length * SCENES.length);
  });
});

describe("flowreset kill", () => {
  test("kills one connection by name through the running sensor, exits 0, and the other goes on", async () => {
    const { client, server, net, sensor } = stage;
    await server.listen({ port: 9_600, behaviour: "echo" });
    const doomed = await client.connect({ host: net.server.ipv4, port: 9_600 });
    doomed.write("hello");
    await doomed.received(5);
    const { code, stdout, stderr } = await sensor.command(["kill", "--client", `${net.client.ipv4}:${doomed.localPort}`, "--server", `${net.server.ipv4}:9600`]);
    expect([code, stderr]).toEqual([0, "1 matched: 1 Confirmed\n"]);
    expect(stdout).toMatch(/Confirmed/);
    expect((await doomed.closed).error).toBe("ECONNRESET");
    expect(await net.server.namespace.socketState({ localPort: 9_600 })).toBe("gone");
    expect(neighbour.end).toBeUndefined();
  });

  test("stop keeps everything alive, start lets it work again", async () => {
    const { client, server, net, sensor } = stage;
    await server.listen({ port: 9_700, behaviour: "echo" });
    const connection = await client.connect({ host: net.server.ipv4, port: 9_700 });
    connection.write("hello");
    await connection.received(5);
    const kill = ["kill", "--client", `${net.client.ipv4}:${connection.localPort}`, "--server", `${net.server.ipv4}:9700`];
    expect((await sensor.command(["stop"])).code).toBe(0);
    expect((await sensor.command(kill)).code).not.toBe(0);
    expect(connection.end).toBeUndefined();
    expect((await sensor.command(["start"])).code).toBe(0);
    expect((await sensor.command(kill)).code).toBe(0);
    expect((await connection.closed).error).toBe("ECONNRESET");
  });
});

describe("the emergency stop", () => {
  test("ends, and what a policy had found meanwhile is cut by its bytes of then", async () => {
    const { client, server, net, sensor } = stage;
    await server.listen({ port: 9_710, behaviour: "echo" });
    const before = await sensor.metric("flowreset_worker_policy_generation");
    sensor.write("held.yaml", enforcing("held", [{ name: "mark", text: MARK, ports: "9710" }]));
    await until("the policy to be at work", async () => (await sensor.metric("flowreset_worker_policy_generation")) > before);
    expect((await sensor.command(["stop"])).code).toBe(0);
    const doomed = await client.connect({ host: net.server.ipv4, port: 9_710 });
    doomed.write(MARK);
    await doomed.received(MARK.length);
    const alert = await sensor.event("the alert", ({ event_type, flow }) => event_type === "alert" && flow.src_port === doomed.localPort);
    expect(alert.flowreset).toMatchObject({ verdict: "WouldReset", reason: "EmergencyStop" });
    expect(doomed.end).toBeUndefined();
    expect((await sensor.command(["start"])).code).toBe(0);
    expect((await doomed.closed).error).toBe("ECONNRESET");
    expect((await sensor.outcome(doomed.localPort)).flowreset).toMatchObject({ outcome: "Confirmed", reason: "CutAfterEstablished" });
    expect(neighbour.end).toBeUndefined();
  });
});

describe("kill -9 of the sensor", () => {
  test("stops no traffic, and the next sensor resets in mid-stream a connection that it never saw begin", async () => {
    const { client, server, net, sensor } = stage;
    const listener = await server.listen({ port: 9_800, behaviour: "sink" });
    const flow = await client.connect({ host: net.server.ipv4, port: 9_800 });
    const accepted = await listener.acceptedFrom(flow.localPort);
    flow.flood({ bytes: 1e12, bytesPerSecond: 2e6 });
    await accepted.received(1e5);
    sensor.process.signal("SIGKILL");
    await sensor.process.exited;
    const { receivedBytes } = await accepted.statistics();
    await accepted.received(receivedBytes + 1e6);
    const next = await SensorProcess.start(net.node);
    const { code, stdout } = await next.command(["kill", "--client", `${net.client.ipv4}:${flow.localPort}`, "--server", `${net.server.ipv4}:9800`]);
    expect([code, /Confirmed/.test(stdout)]).toEqual([0, true]);
    expect((await flow.closed).error).toMatch(/ECONNRESET|EPIPE/);
    await next.stop();
  });
});
