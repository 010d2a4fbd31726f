import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, onTestFinished, test } from "vitest";
import type { ControlServer, FlowLine } from "../sensor/control/mod.ts";
import { SensorError } from "../sensor/options.ts";
import { flowLine, makeWorld, serve, STATUS } from "./world.fixture.ts";

const servers: ControlServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

test.each([[], ["sensor"], ["replay"], ["kill"], ["flows"], ["status"], ["stop"], ["start"], ["version"]].map((words) => [words]))(
  "%j --help shows usage, an example and the exit codes",
  async (words) => {
    using world = makeWorld();
    const { code, out, err } = await world.run(...words, "--help");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain(`Usage: flowreset${words.map((word) => ` ${word}`).join("")}`);
    expect(out).toMatch(/\nExamples:\n {2}# .+\n {2}.*flowreset/);
    expect(out).toMatch(/\nExit codes:\n {2}0 {2}/);
  },
);

test.each([
  ["no command", [], "Usage: flowreset"],
  ["an unknown command", ["flosw"], "Did you mean flows?"],
  ["an unknown option", ["flows", "--wach"], "Did you mean --watch?"],
  ["no folder of policies", ["sensor"], "Give --policies with a folder of policies, or --cluster in a cluster"],
  ["a folder of policies in a cluster", ["sensor", "--cluster", "--policies", "."], "Give either --policies or --cluster"],
  ["no node in a cluster", ["sensor", "--cluster"], "Give --node or set NODE_NAME"],
  ["metrics for everybody in a cluster", ["sensor", "--cluster", "--node", "n1", "--listen", ":9464"], "Give --listen an address of loopback such as 127.0.0.1:9464 with --cluster, got :9464"],
  ["no file to replay", ["replay"], "missing required argument 'file'"],
  ["an unknown capture method", ["sensor", "--policies", ".", "--capture", "xdp"], "Allowed choices are ring, libpcap"],
  ["no number of workers", ["sensor", "--policies", ".", "--workers", "many"], "Give a number from 1 to 64"],
  ["no address to listen on", ["sensor", "--policies", ".", "--listen", "9464"], "HOST:PORT"],
  ["--inject alone", ["sensor", "--policies", ".", "--inject", "route"], "Give --capture-only with --inject"],
  ["a mirror port among others", ["sensor", "--policies", ".", "--capture-only", "a", "--interface", "b"], "Give either"],
  ["several workers of libpcap", ["sensor", "--policies", ".", "--capture", "libpcap", "--workers", "2"], "Give --capture ring with several workers"],
  ["a port that is none", ["sensor", "--policies", ".", "--protect-port", "22,http"], "Give a number from 1 to 65535"],
  ["a state that is none", ["flows", "--state", "Etsablished"], "Give one of SynSent, SynReceived, Established, Closing, Closed"],
  ["no address to filter by", ["flows", "--ip", "localhost"], "Give --ip an address, got localhost"],
])("%s is wrong usage", async (_, words, message) => {
  using world = makeWorld();
  const { code, err, out } = await world.run(...words);
  expect(err).toContain(message);
  expect([code, out]).toEqual([2, ""]);
});

test("sensor runs until it is told to end, and opens its events file again on SIGHUP", async () => {
  using world = makeWorld();
  const running = world.run("sensor", "--policies", "p", "SOCKET");
  while (world.started.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 5));
  world.signal("SIGHUP");
  expect([world.reopened, world.closed]).toEqual([1, 0]);
  world.signal("SIGTERM");
  expect((await running).code).toBe(0);
  expect(world.started[0]).toEqual({
    policies: "p",
    interfaces: [],
    capture: "ring",
    workers: 1,
    listen: "127.0.0.1:9464",
    captureOnly: undefined,
    inject: undefined,
    events: "-",
    socket: world.socket,
    stopFile: world.stopFile,
    logLevel: "info",
    busyPollMicroseconds: 0,
    tableCapacity: 1_000_000,
    protectedPorts: [],
    markKeyFile: undefined,
  });
});

test("sensor takes its words to the options", async () => {
  using world = makeWorld({ endsAtOnce: true });
  const words = "--policies p --interface veth* eth0 --workers 2 --listen none --events e.json --busy-poll 50 --protect-port 22,2222 --protect-port 8443 --mark-key-file /etc/flowreset/mark.key --log-level debug --table-capacity 2048 --stop-file /s";
  expect((await world.run("sensor", ...words.split(" "))).code).toBe(0);
  expect(world.started[0]).toMatchObject({
    interfaces: ["veth*", "eth0"],
    workers: 2,
    listen: undefined,
    events: "e.json",
    busyPollMicroseconds: 50,
    protectedPorts: [22, 2222, 8443],
    markKeyFile: "/etc/flowreset/mark.key",
    logLevel: "debug",
    capture: "ring",
    tableCapacity: 2048,
    stopFile: "/s",
  });
  await world.run("sensor", "--policies", "p", "--capture-only", "eth1", "--capture", "libpcap");
  expect(world.started[1]).toMatchObject({ captureOnly: "eth1", inject: "route", capture: "libpcap" });
});

test("sensor --cluster takes what the operator set in the environment, and words before it", async () => {
  using world = makeWorld({ endsAtOnce: true, env: { NODE_NAME: "n1", FLEET_NAME: "edge", POD_NAMESPACE: "ndr", MARK_KEY_FILE: "/m" } });
  await world.run("sensor", "--cluster");
  expect(world.started[0]?.cluster).toEqual({ node: "n1", fleet: "edge", namespace: "ndr", stateDirectory: "/var/lib/flowreset", markKeyFile: "/m" });
  await world.run("sensor", "--cluster", "--node", "n2", "--fleet", "core", "--state-dir", "none", "--kubeconfig", "k", "--namespace", "sec", "--report-token-file", "t");
  expect(world.started[1]?.cluster).toEqual({ node: "n2", fleet: "core", namespace: "sec", kubeconfig: "k", reportTokenFile: "t", markKeyFile: "/m" });
});

test.each([
  ["BadInput", 2],
  ["MissingRight", 3],
  ["AlreadyRunning", 4],
  ["Unavailable", 1],
  ["Failed", 1],
] as const)("a sensor that cannot start with %s ends with %d, message and hint", async (code, exitCode) => {
  using world = makeWorld({ refusal: new SensorError(code, "what\u001b[2J", "do this") });
  expect(await world.run("sensor", "--policies", "p")).toEqual({ code: exitCode, out: "", err: "flowreset: what?[2J\n  do this\n" });
});

test("replay prints a summary in words, with what could not be decoded", async () => {
  using world = makeWorld({
    summary: {
      byPolicy: [{ policy: "shop/stop", mode: "Observe", findings: 2, wouldReset: 1, suppressed: 1 }],
      decodeReasons: { BadTcpChecksum: 3, NotTransport: 1_000 },
    },
  });
  const { code, out } = await world.run("replay", "a.pcap", "-", "--policies", "p", "--checksum", "trust");
  expect(code).toBe(0);
  expect(out.split("\n")).toEqual([
    "files        1",
    "packets      1,234 (5.0 MB, 1.500 s)",
    "flows        12",
    "findings     2",
    "would reset  1 connections",
    "not decoded  NotTransport 1,000, BadTcpChecksum 3",
    "",
    "POLICY     MODE     FINDINGS  WOULD RESET  SUPPRESSED",
    "shop/stop  Observe         2            1           1",
    "",
  ]);
  expect(world.replayed).toEqual([
    { files: ["a.pcap", "-"], policies: "p", events: "none", checksum: "trust", tableCapacity: 1_000_000, logLevel: "warn" },
  ]);
});

test("of many policies a replay shows those that found something, and counts the others", async () => {
  const byPolicy = Array.from({ length: 100 }, (_, number) => ({ policy: `p${number}`, mode: "Observe" as const, findings: number % 50 === 7 ? 1 : 0, wouldReset: 0, suppressed: 0 }));
  using world = makeWorld({ summary: { byPolicy } });
  const { out } = await world.run("replay", "a.pcap");
  expect(out.split("\n").slice(-6)).toEqual(["POLICY  MODE     FINDINGS  WOULD RESET  SUPPRESSED", "p7      Observe         1            0           0", "p57     Observe         1            0           0", "", "and 98 more policies, see --json", ""]);
});

test("a capture that breaks off gives its summary, where it broke, and exit code 2", async () => {
  using world = makeWorld({ summary: { error: { file: "a.pcap", offset: 1_024, message: "the file ends inside a packet" } } });
  const { code, out, err } = await world.run("replay", "a.pcap", "--json");
  expect(code).toBe(2);
  expect(JSON.parse(out)).toMatchObject({ packets: 1_234, error: { offset: 1_024 } });
  expect(err).toBe("flowreset: a.pcap: the file ends inside a packet at byte 1024\n");
});

test("broken policies make a replay end with 2, though what is good was replayed", async () => {
  using world = makeWorld({ summary: { policyProblems: 2 } });
  const { code, out, err } = await world.run("replay", "a.pcap", "--policies", "p");
  expect([code, out.includes("packets      1,234")]).toEqual([2, true]);
  expect(err).toBe("flowreset: Mend the policies and replay again, broken files count for nothing: 2 faults are named above\n");
});

test("with events on standard output the summary goes to standard error", async () => {
  using world = makeWorld();
  const { out, err } = await world.run("replay", "a.pcap", "--events", "-");
  expect(out).toBe("");
  expect(err).toContain("packets      1,234");
});

test("stop works without a sensor, start undoes it", async () => {
  using world = makeWorld({ env: { SUDO_USER: "ana" } });
  expect(await world.run("stop", "SOCKET")).toMatchObject({ code: 0, out: expect.stringContaining("no sensor runs") as string });
  expect(readFileSync(world.stopFile, "utf8")).toContain("by ana");
  expect((await world.run("start", "SOCKET")).out).toContain("removed");
  expect(existsSync(world.stopFile)).toBe(false);
  expect(await world.run("start", "SOCKET")).toMatchObject({ code: 0, out: expect.stringContaining("was not there") as string });
});

test("stop, start and sensor mean one stop file, where the environment says which", async () => {
  const folder = mkdtempSync(join(tmpdir(), "flowreset-stop-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const stopFile = join(folder, "stop");
  using told = makeWorld({ endsAtOnce: true, env: { FLOWRESET_STOP_FILE: stopFile } });
  await told.run("sensor", "--policies", "p", "SOCKET");
  expect(told.started[0]?.stopFile).toBe(stopFile);
  expect((await told.run("stop", "SOCKET")).code).toBe(0);
  expect([existsSync(stopFile), existsSync(told.stopFile)]).toEqual([true, false]);
  expect((await told.run("start", "SOCKET")).out).toContain("removed");
  expect(existsSync(stopFile)).toBe(false);
  await told.run("stop", "--stop-file", told.stopFile, "SOCKET");
  expect([existsSync(stopFile), existsSync(told.stopFile)]).toEqual([false, true]);
});

test("where nothing can be written to the folder that the environment names, the stop file is beside the socket: sensor and stop agree", async () => {
  using world = makeWorld({ endsAtOnce: true, env: { FLOWRESET_STOP_FILE: "/proc/none/stop" } });
  await world.run("sensor", "--policies", "p", "SOCKET");
  expect(world.started[0]?.stopFile).toBe(world.stopFile);
  expect((await world.run("stop", "SOCKET")).code).toBe(0);
  expect(existsSync(world.stopFile)).toBe(true);
});

test("stop and start tell the running sensor; one that does not answer is a failure, the file is written all the same", async () => {
  using world = makeWorld();
  const told: string[] = [];
  servers.push(
    await serve(world, {
      stop: () => void told.push("stop"),
      start() {
        throw new Error("worker died");
      },
    }),
  );
  expect(await world.run("stop", "SOCKET")).toMatchObject({ code: 0, out: expect.stringContaining("injects nothing any more") as string });
  expect(told).toEqual(["stop"]);
  expect(existsSync(world.stopFile)).toBe(true);
  expect(await world.run("start", "SOCKET")).toMatchObject({ code: 1, err: expect.stringContaining("worker died") as string });
  expect(existsSync(world.stopFile)).toBe(false);
});

test("a stop file that cannot be written is an error, never a silent stop, and the running sensor is told all the same", async () => {
  using world = makeWorld();
  let stopped = 0;
  servers.push(await serve(world, { stop: () => void stopped++ }));
  const file = join(world.folder, "none", "deep", "stop");
  const { code, out, err } = await world.run("stop", "--stop-file", file, "SOCKET");
  expect([code, stopped]).toEqual([1, 1]);
  expect(out).toBe("the running sensor injects nothing any more\n");
  expect(err).toBe(`flowreset: Cannot write the stop file ${file}: ENOENT\n`);
});

test("flows prints a table; an inferred client has a question mark", async () => {
  using world = makeWorld();
  const flows = [flowLine(), flowLine({ inferred: true, findings: ["shop/stop", "all"], client: { ip: "2001:db8::1", port: 5 } })];
  servers.push(await serve(world, { flows: () => flows }));
  const { code, out } = await world.run("flows", "SOCKET");
  expect(code).toBe(0);
  expect(out.split("\n")).toEqual([
    "CLIENT            SERVER       STATE          AGE  IDLE  TO SERVER  TO CLIENT  INTERFACE  FINDINGS",
    "10.0.0.7:43122    10.0.0.9:22  Established  3m05s  20ms     1.5 kB        0 B  veth0      -",
    "[2001:db8::1]:5?  10.0.0.9:22  Established  3m05s  20ms     1.5 kB        0 B  veth0      shop/stop, all",
    "",
  ]);
});

test("flows hands its filters on, says when there is more, and prints JSON lines", async () => {
  using world = makeWorld();
  const queries: unknown[] = [];
  servers.push(
    await serve(world, {
      *flows(query) {
        queries.push(query);
        for (let n = 0; ; n++) yield flowLine({ flow_id: n });
      },
    }),
  );
  const words = ["--limit", "3", "--ip", "10.0.0.7", "--port", "22", "--state", "Established", "SOCKET"];
  expect((await world.run("flows", ...words)).err).toContain("only 3 shown");
  const { out } = await world.run("flows", ...words, "--json");
  expect(out.trimEnd().split("\n").map((line) => (JSON.parse(line) as FlowLine).flow_id)).toEqual([0, 1, 2]);
  expect(queries[1]).toEqual({ limit: 3, ip: "10.0.0.7", port: 22, state: "Established" });
});

test("flows --watch draws in place on a terminal, no more rows than fit, the liveliest first, until a signal", async () => {
  using world = makeWorld({ terminal: { columns: 200, rows: 6 } });
  const flows = Array.from({ length: 50 }, (_, n) => flowLine({ flow_id: n, idleMs: 100 - n, interface: `if${n}` }));
  servers.push(await serve(world, { flows: () => flows }));
  const running = world.run("flows", "--watch", "--interval", "100", "SOCKET");
  while (world.seen().split("\u001b[H").length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  world.signal("SIGINT");
  const { code, out } = await running;
  expect(code).toBe(0);
  const frame = out.split("\u001b[H")[1];
  expect(frame.match(/\bif\d+/g)).toEqual(["if49", "if48"]);
  expect(frame).toContain("12,345 packets, 0 lost");
});

test("status says what is watched, whether anything may be injected, and what each policy was told", async () => {
  const policies = [
    { name: "shop/good", mode: "Enforce", state: "Ready", message: undefined },
    { name: "shop/early", mode: "Observe", state: "Degraded", message: "spec.rules[0].beacon: not supported yet" },
  ];
  using world = makeWorld();
  servers.push(await serve(world, { status: () => ({ ...STATUS, stopped: true, interfaces: ["eth0", "veth1"], policies }) }));
  const { code, out } = await world.run("status", "SOCKET");
  expect(code).toBe(0);
  expect(out.split("\n").slice(1)).toEqual([
    "injecting   no: emergency stop, end it with `flowreset start`",
    "workers     1",
    "interfaces  eth0 veth1",
    "packets     12,345, 0 lost",
    "flows       1 of 1,000",
    "",
    "POLICY      MODE     STATE     MESSAGE",
    "shop/good   Enforce  Ready     -",
    "shop/early  Observe  Degraded  spec.rules[0].beacon: not supported yet",
    "",
  ]);
  expect(JSON.parse((await world.run("status", "--json", "SOCKET")).out)).toMatchObject({ stopped: true, flowCapacity: 1_000 });
});

test("flows without a sensor says how to start one", async () => {
  using world = makeWorld();
  const { code, err } = await world.run("flows", "SOCKET");
  expect(code).toBe(5);
  expect(err).toContain("flowreset sensor --policies DIR");
});

test("version names what a bug report needs", async () => {
  using world = makeWorld();
  expect((await world.run("version")).out).toMatch(/^flowreset \d+\.\d+\.\d+ \(Node\.js \d+\./);
  expect(JSON.parse((await world.run("version", "--json")).out)).toMatchObject({ node: process.versions.node });
});
