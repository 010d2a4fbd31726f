/** The scenes of the demo, as tests: the right connection dies at both ends, proved, and its neighbour does not. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { APPLICATION, SCENES } from "./demo/scenes.ts";
import type { Stage } from "./demo/stage.ts";
import { Agent, delay, download, Lab, sha256OfBytes, url } from "./mod.ts";
import type { Connection, Download } from "./mod.ts";
import { SensorProcess } from "./sensor.ts";

const EXAMPLES = join(import.meta.dirname, "../../examples");
const FILES = ["block-exploit.yaml", "stop-marked-document.yaml", "forbid-host.yaml", "settings.yaml"];
const DOWNLOAD_BYTES = 40e6;

let lab: Lab;
let stage: Stage;
let innocent: Download;
let neighbour: Connection;

beforeAll(async () => {
  lab = await Lab.open();
  const net = await delay(lab);
  const [client, server, outside] = await Promise.all([net.client, net.server, net.outside].map(({ namespace }) => Agent.start(namespace)));
  await server!.http(80);
  await net.server.start([process.execPath, "-e", APPLICATION]).waitForOutput(/up/);
  const sensor = await SensorProcess.start(net.node, { files: FILES.map((name) => join(EXAMPLES, name)) });
  stage = { net, sensor, client: client!, server: server!, outside: outside!, say: () => {} };
  innocent = download(net.client, url(net.server.ipv4, 80, `/bytes/${DOWNLOAD_BYTES}`), "4M");
  await server!.listen({ port: 9_500, behaviour: "echo" });
  neighbour = await client!.connect({ host: net.server.ipv4, port: 9_500 });
});

afterAll(() => lab.close());

describe("the sensor on the examples", () => {
  for (const scene of SCENES) {
    test(scene.title, async () => {
      expect(await scene.play(stage)).toBeTypeOf("string");
      neighbour.write("still here");
      expect(neighbour.end).toBeUndefined();
    });
  }

  test("a legitimate download beside all this has the right checksum, and an idle neighbour still echoes", async () => {
    expect(await innocent.finished).toEqual({ exitCode: 0, bytes: DOWNLOAD_BYTES, sha256: sha256OfBytes(DOWNLOAD_BYTES) });
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
