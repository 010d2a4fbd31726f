/** A sensor in daily use: its folder of policies, what it tells, and what becomes of that when nobody takes it. */
import { renameSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inForce } from "./demo/stage.ts";
import { Agent, bridge, Lab, until } from "./mod.ts";
import type { Connection, Network } from "./mod.ts";
import { SensorProcess } from "./sensor.ts";

let lab: Lab;
let net: Network;
let client: Agent;
let server: Agent;
let sensor: SensorProcess;
let neighbour: Connection;
const PORT = 9_500;

/** The optional package is built by `make cap` alone. */
function libpcapUnsupported(): boolean {
  try {
    createRequire(import.meta.url)("cap");
    return false;
  } catch {
    return true;
  }
}

const policy = (name: string, word: string, mode = "Enforce"): string => `apiVersion: flowreset.io/v1alpha1
kind: ResponsePolicy
metadata: {name: ${name}}
spec:
  mode: ${mode}
  rules: [{name: word, signature: {rules: ['alert tcp any any -> any any (msg:"${name}"; content:"${word}"; sid:1;)']}}]
`;

beforeAll(async () => {
  lab = await Lab.open();
  net = await bridge(lab);
  [client, server] = await Promise.all([Agent.start(net.client.namespace), Agent.start(net.server.namespace)]);
  await server.listen({ port: PORT, behaviour: "echo" });
  sensor = await SensorProcess.start(net.node, { policies: { "first.yaml": policy("first", "first-word") } });
  await inForce(sensor, 1);
  neighbour = await opened();
});

afterAll(() => lab.close());

async function opened(): Promise<Connection> {
  const connection = await client.connect({ host: net.server.ipv4, port: PORT });
  connection.write("hello");
  await connection.received(5);
  return connection;
}

/** Says the word on a connection that was there before; true where it died of it at both ends. */
async function dies(connection: Connection, word: string): Promise<void> {
  connection.write(word);
  const { flowreset } = await sensor.outcome(connection.localPort);
  expect(flowreset.outcome).toBe("Confirmed");
  expect((await connection.closed).error).toBe("ECONNRESET");
}

async function lives(connection: Connection, word: string, receivedBefore = 5): Promise<void> {
  connection.write(word);
  await connection.received(receivedBefore + word.length);
  expect(connection.end).toBeUndefined();
}

const get = async (path: string): Promise<string> => (await net.node.run(["curl", "-sS", `${sensor.url}${path}`])).stdout;

describe("the folder of policies", () => {
  test("takes a new file, a changed and a removed one, and loses no connection that was open before", async () => {
    const [one, two, three] = [await opened(), await opened(), await opened()];
    sensor.write("second.yaml", policy("second", "second-word"));
    await inForce(sensor, 2);
    await dies(one, "second-word");
    const before = await sensor.metric("flowreset_worker_policy_generation");
    sensor.write("second.yaml", policy("second", "changed-word"));
    await until("the changed policy to be at work", async () => (await sensor.metric("flowreset_worker_policy_generation")) > before);
    await lives(two, "second-word");
    await dies(two, "changed-word");
    sensor.remove("second.yaml");
    await inForce(sensor, 1);
    await lives(three, "changed-word");
    await lives(neighbour, "still here");
  });

  test("takes changed timeouts for connections that are there already", async () => {
    const settings = (established: string): string => `apiVersion: flowreset.io/v1alpha1\nkind: SensorSettings\nmetadata: {name: here}\nspec: {timeouts: {established: ${established}}}\n`;
    sensor.write("settings.yaml", settings("1h"));
    const silent = await opened();
    const isKnown = async (): Promise<boolean> => (await sensor.command(["flows", "--port", String(silent.localPort), "--json"])).stdout !== "";
    expect(await isKnown()).toBe(true);
    sensor.write("settings.yaml", settings("10s"));
    await until("the silent connection to be forgotten", async () => !(await isKnown()), 40_000, 1_000);
    sensor.remove("settings.yaml");
    await dies(silent, "first-word");
  });

  test("keeps the last good version of a broken file, names line and field, and says so where asked", async () => {
    const doomed = await opened();
    sensor.write("first.yaml", policy("first", "first-word").replace("mode: Enforce", "mode: Enforc"));
    await sensor.process.waitForOutput(/first\.yaml:5:9: spec\.mode: Cannot take this value, expected one of Observe, Enforce, did you mean Enforce/);
    expect(await sensor.metric("flowreset_policies_broken")).toBe(1);
    expect(await get("/readyz")).toBe("ok\n");
    await dies(doomed, "first-word");
    sensor.write("first.yaml", policy("first", "first-word"));
    await until("the file to be good again", async () => (await sensor.metric("flowreset_policies_broken")) === 0);
  });

  test("may go away and come back: everything stays in force, and readiness says what is wrong", async () => {
    const doomed = await opened();
    renameSync(sensor.directory, `${sensor.directory}.away`);
    await until("the sensor to miss its folder", async () => /folder of policies cannot be read/.test(await get("/readyz")));
    expect(await get("/healthz")).toBe("ok\n");
    await dies(doomed, "first-word");
    renameSync(`${sensor.directory}.away`, sensor.directory);
    await until("the folder to be read again", async () => (await get("/readyz")) === "ok\n");
  });

  test("that is not there at the start is refused with what to do", async () => {
    const { code, stderr } = await sensor.command(["sensor", "--policies", join(sensor.directory, "nowhere"), "--listen", "none"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/Cannot read the policies of .*nowhere: ENOENT\n {2}name the folder/);
  });

  test("tells of each policy by flowreset status", async () => {
    sensor.write("early.yaml", policy("early", "x", "Observe").replace(/signature: .*\}\]/, "beacon: {}}]"));
    await sensor.process.waitForOutput(/early\.yaml:\d+:\d+: spec\.rules\[0\]\.beacon: .*not supported yet/);
    const { code, stdout } = await sensor.command(["status"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^default\/early +Observe +Degraded +spec\.rules\[0\]\.beacon: .*not supported yet/m);
    expect(stdout).toMatch(/^default\/first +Enforce +Ready +-$/m);
    sensor.remove("early.yaml");
  });
});

describe("what is told", () => {
  test("of a reset by request: who asked why, the first RST, and the outcome", async () => {
    const doomed = await opened();
    const { code } = await sensor.command(["kill", "--client", `${net.client.ipv4}:${doomed.localPort}`, "--server", `${net.server.ipv4}:${PORT}`, "--reason", "INC-1234"]);
    expect(code).toBe(0);
    const { flowreset } = await sensor.outcome(doomed.localPort);
    expect(flowreset).toMatchObject({ outcome: "Confirmed", request_reason: "INC-1234" });
    const told = sensor.events.filter(({ flow }) => flow.src_port === doomed.localPort);
    expect(told.map(({ event_type }) => event_type)).toEqual(["reset", "outcome"]);
    expect(told[0]!.flowreset).toMatchObject({ verdict: "Reset", request_reason: "INC-1234", rsts: 1 });
  });

  test("by metrics: what happened is in each of them", async () => {
    for (const name of ["flows_created_total", "flows_established_total", "flows_closed_total", "flow_table_flows", "flow_table_capacity_flows", "reassembly_capacity_bytes",
      "inspected_bytes_total", "findings_total", "injected_packets_total", "injected_bytes_total", "probes_sent_total", "packets_total", "packet_bytes_total",
      "reaction_seconds_count", "time_to_dead_seconds_count", "policies_loaded", "policy_generation", "events_written_total", "flows_by_state"]) {
      expect([name, (await sensor.metric(`flowreset_${name}`)) > 0]).toEqual([name, true]);
    }
    expect(await sensor.metric("flowreset_resets_total", 'policy="default/first",target="Both",outcome="Confirmed"')).toBeGreaterThan(0);
    expect(await sensor.metric("flowreset_verdicts_total", 'verdict="Reset"')).toBeGreaterThan(0);
  });

  test("of what a policy in Observe would have done: counted, and nothing dies", async () => {
    sensor.write("observe.yaml", policy("observe", "watched-word", "Observe"));
    await inForce(sensor, 2);
    const watched = await opened();
    await lives(watched, "watched-word");
    await sensor.event("the alert", ({ event_type, flow, flowreset }) => event_type === "alert" && flow.src_port === watched.localPort && flowreset.verdict === "WouldReset");
    await until("the would-reset to be counted", async () => (await sensor.metric("flowreset_would_resets_total", 'policy="default/observe"')) === 1);
    await lives(watched, "more", 5 + "watched-word".length);
  });
});

describe("events that nobody takes", () => {
  test("are dropped and counted, and connections die all the same", async () => {
    await using full = await SensorProcess.start(net.node, { policies: { "full.yaml": policy("full", "full-word") }, arguments: ["--events", "/dev/full"] });
    await inForce(full, 1);
    const doomed = await opened();
    doomed.write("full-word");
    expect((await doomed.closed).error).toBe("ECONNRESET");
    await full.process.waitForOutput(/events cannot be written, they are counted as dropped/);
    expect(neighbour.end).toBeUndefined();
    await until("the outcome to be counted", async () => (await full.metric("flowreset_resets_total", 'outcome="Confirmed"')) === 1);
    expect(await full.metric("flowreset_events_written_total")).toBe(0);
    expect(await full.metric("flowreset_event_queue_bytes")).toBeGreaterThan(0);
  });
});

describe("an interface that was named", () => {
  test("is told when it goes and when it is back, and the rest is watched all the while", async () => {
    const arguments_ = ["--interface", "vclient", "vserver", "late0"];
    await using named = await SensorProcess.start(net.node, { policies: { "named.yaml": policy("named", "named-word") }, arguments: arguments_ });
    await inForce(named, 1);
    await named.process.waitForOutput(/"interface":"late0","msg":"interface is not there/);
    const one = await opened();
    one.write("named-word");
    expect((await one.closed).error).toBe("ECONNRESET");
    await net.node.run(["ip", "link", "add", "late0", "type", "veth", "peer", "name", "late1"]);
    await net.node.run(["ip", "link", "set", "late0", "up"]);
    await named.process.waitForOutput(/"interface":"late0","msg":"interface is back"/);
    await net.node.run(["ip", "link", "del", "late0"]);
    await until("the interface to be missed again", () => (named.process.stderr.match(/"interface":"late0","msg":"interface is not there/g) ?? []).length === 2 || undefined);
    const two = await opened();
    two.write("named-word");
    expect((await two.closed).error).toBe("ECONNRESET");
    await lives(neighbour, "and still", 5 + "still here".length);
  });

  test("alone, and not there, leaves the sensor not ready", async () => {
    await using blind = await SensorProcess.start(net.node, { arguments: ["--interface", "ghost0"] });
    const { stdout } = await net.node.run(["curl", "-sS", "-w", "%{http_code}", `${blind.url}/readyz`]);
    expect(stdout).toBe("none of the interfaces to watch is there and up: ghost0\n503");
  });
});

describe.skipIf(libpcapUnsupported())("a sensor on libpcap", () => {
  test("cuts what it is told to, at both ends, and nothing beside", async () => {
    await using portable = await SensorProcess.start(net.node, { policies: { "portable.yaml": policy("portable", "portable-word") }, arguments: ["--capture", "libpcap"] });
    await inForce(portable, 1);
    const doomed = await opened();
    doomed.write("portable-word");
    expect((await doomed.closed).error).toBe("ECONNRESET");
    expect((await portable.outcome(doomed.localPort)).flowreset.outcome).toBe("Confirmed");
    expect(neighbour.end).toBeUndefined();
  });
});
