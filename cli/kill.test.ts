import { afterEach, expect, test } from "vitest";
import { RequestError } from "../sensor/control/mod.ts";
import type { ControlServer, ResetLine } from "../sensor/control/mod.ts";
import { SensorError } from "../sensor/options.ts";
import { DONE, linesOf, makeWorld, resetFlow, serve } from "./world.fixture.ts";

const servers: ControlServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const KILL = ["kill", "--client", "10.0.0.7:43122", "--server", "[2001:db8::9]:443"] as const;

test("the running sensor is asked, and the table says what became of each connection", async () => {
  using world = makeWorld();
  const specs: unknown[] = [];
  servers.push(
    await serve(world, {
      reset(spec) {
        specs.push(spec);
        return linesOf(
          { type: "matched", count: 2 },
          resetFlow(),
          resetFlow({ outcome: "Evaded", reason: "LivesOn", timeToConfirmedMicroseconds: null, rsts: 64 }),
          DONE,
        );
      },
    }),
  );
  const { code, out, err } = await world.run(...KILL, "--target", "client", "--hold", "60s", "--reason", "INC-1", "SOCKET");
  expect(out.split("\n")).toEqual([
    "CLIENT          SERVER             INTERFACE  OUTCOME    REASON               RSTS  PROVEN AFTER",
    "10.0.0.7:43122  [2001:db8::9]:443  veth0      Confirmed  CutAfterEstablished     2        3.4 ms",
    "10.0.0.7:43122  [2001:db8::9]:443  veth0      Evaded     LivesOn                64             -",
    "",
  ]);
  expect(err).toBe("2 matched: 1 Confirmed, 1 Evaded\n");
  expect(code).toBe(1);
  expect(specs).toEqual([
    {
      match: { client: { ip: "10.0.0.7", port: 43_122 }, server: { ip: "2001:db8::9", port: 443 } },
      target: "Client",
      hold: "60s",
      maxFlows: 100,
      dryRun: false,
      reason: "INC-1",
    },
  ]);
  expect(world.started).toEqual([]);
});

const matched = (count: number): ResetLine => ({ type: "matched", count });
const failed: ResetLine = { type: "done", phase: "Failed", reason: "TooManyFlows", message: "101 connections" };

test.each<[string, number, string[], ResetLine[]]>([
  ["all are confirmed", 0, [], [matched(1), resetFlow(), DONE]],
  ["nothing matched", 1, [], [matched(0), DONE]],
  ["one is unconfirmed", 1, [], [matched(2), resetFlow(), resetFlow({ outcome: "Unconfirmed" }), DONE]],
  ["one has no outcome", 1, [], [matched(2), resetFlow(), DONE]],
  ["the sensor says Failed", 1, [], [matched(101), failed]],
  ["the sensor broke off", 1, [], [matched(1), resetFlow()]],
  ["a dry run would reset all", 0, ["--dry-run"], [matched(1), resetFlow({ outcome: "WouldReset" }), DONE]],
  ["a dry run would spare one", 1, ["--dry-run"], [matched(1), resetFlow({ outcome: "Failed" }), DONE]],
  ["only a dry run was made of a kill", 1, [], [matched(1), resetFlow({ outcome: "WouldReset" }), DONE]],
])("when %s the exit code is %d", async (_, code, words, lines) => {
  using world = makeWorld();
  servers.push(await serve(world, { reset: () => linesOf(...lines) }));
  expect((await world.run(...KILL, ...words, "SOCKET")).code).toBe(code);
});

test("why it failed is said in words", async () => {
  using world = makeWorld();
  servers.push(await serve(world, { reset: () => linesOf(matched(101), failed) }));
  expect((await world.run(...KILL, "SOCKET")).err).toBe("TooManyFlows: 101 connections; 101 matched: 101 without an outcome\n");
});

test("--json prints the sensor's lines as they are", async () => {
  using world = makeWorld();
  const lines = [matched(1), resetFlow(), DONE];
  servers.push(await serve(world, { reset: () => linesOf(...lines) }));
  const { out, err } = await world.run(...KILL, "--json", "SOCKET");
  expect(out.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown)).toEqual(lines);
  expect(err).toBe("");
});

test("patience ends: what is known is printed and the rest counts as unknown", async () => {
  using world = makeWorld();
  servers.push(
    await serve(world, {
      async *reset(_, signal) {
        yield matched(2);
        yield resetFlow();
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    }),
  );
  const { code, err } = await world.run(...KILL, "--wait", "200ms", "SOCKET");
  expect(err).toBe("2 matched: 1 Confirmed, 1 without an outcome\n");
  expect(code).toBe(1);
});

test.each([
  ["nothing named", ["kill"], "Give --client, --server or both"],
  ["a port alone", ["kill", "--server", ":443"], "Cannot reset what is not named closely"],
  ["a wide prefix", ["kill", "--client", "10.0.0.0/8"], "Name fewer hosts with --client"],
  ["no address", ["kill", "--client", "host"], "Cannot read --client host"],
  ["an unknown target", ["kill", "--client", "10.0.0.1", "--target", "all"], "Allowed choices are both, client, server"],
  ["a hold without unit", ["kill", "--client", "10.0.0.1", "--hold", "60"], "Give a duration such as 60s"],
  ["a hold too long", ["kill", "--client", "10.0.0.1", "--hold", "999h"], "24h"],
  ["too many flows", ["kill", "--client", "10.0.0.1", "--max-flows", "0"], "Give a number from 1 to 10000"],
  ["a stray word", ["kill", "10.0.0.1"], "too many arguments"],
])("%s is wrong usage and reaches no sensor", async (_, words, message) => {
  using world = makeWorld();
  const { code, err, out } = await world.run(...words, "SOCKET");
  expect(err).toContain(message);
  expect([code, out]).toEqual([2, ""]);
  expect(world.started).toEqual([]);
});

test("what the sensor refuses is bad input; that it is busy is a failure", async () => {
  using world = makeWorld();
  let status = 422;
  servers.push(
    await serve(world, {
      reset() {
        throw new RequestError(status, "Name an endpoint");
      },
    }),
  );
  expect(await world.run(...KILL, "SOCKET")).toMatchObject({ code: 2, err: "flowreset: The sensor refused: Name an endpoint\n" });
  status = 429;
  expect((await world.run(...KILL, "SOCKET")).code).toBe(1);
});

test("without a sensor one is started, looks, resets and is closed", async () => {
  using world = makeWorld({ control: { reset: () => linesOf(matched(1), resetFlow(), DONE) } });
  const { code, out, err } = await world.run(...KILL, "--look", "20ms", "--interface", "veth*", "SOCKET");
  expect(code).toBe(0);
  expect(out).toContain("Confirmed");
  expect(err).toContain("no sensor runs: looking at traffic for 0.02 s");
  expect(world.started).toMatchObject([
    { policies: undefined, socket: undefined, listen: undefined, events: "none", interfaces: ["veth*"], stopFile: world.stopFile },
  ]);
  expect(world.closed).toBe(1);
});

test("a hold keeps the one-shot sensor until it is over or a signal comes", async () => {
  using world = makeWorld({ control: { reset: () => linesOf(matched(1), resetFlow(), DONE) } });
  const running = world.run(...KILL, "--look", "0s", "--hold", "1h", "SOCKET");
  while (!world.seen().includes("Confirmed")) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(world.closed).toBe(0);
  world.signal("SIGINT");
  const { code, err } = await running;
  expect(err).toContain("holding for 1h");
  expect([code, world.closed]).toEqual([0, 1]);
});

test("a signal while looking ends it, with nothing reset", async () => {
  using world = makeWorld({
    control: {
      reset: () => {
        throw new Error("must not be asked");
      },
    },
  });
  const running = world.run(...KILL, "--look", "1h", "SOCKET");
  while (world.started.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  world.signal("SIGTERM");
  expect((await running).code).toBe(1);
  expect(world.closed).toBe(1);
});

test("a missing right is said with what to do, and has its own exit code", async () => {
  using world = makeWorld({ refusal: new SensorError("MissingRight", "Cannot capture packets: CAP_NET_RAW is missing", "run it with sudo") });
  expect(await world.run(...KILL, "SOCKET")).toEqual({
    code: 3,
    out: "",
    err: "flowreset: Cannot capture packets: CAP_NET_RAW is missing\n  run it with sudo\n",
  });
});
