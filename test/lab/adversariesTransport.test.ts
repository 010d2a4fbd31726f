/** Connections that a RST alone does not end: signed ones, and those of several subflows. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Arena, KEY, MARK } from "./adversary/arena.ts";
import { connectKind } from "./adversary/kernelPeer.ts";
import { Witness } from "./adversary/witness.ts";
import { until } from "./mod.ts";

let arena: Arena;
let witness: Witness;

beforeAll(async () => {
  arena = await Arena.open();
  witness = await Witness.start(arena.net.node, KEY);
});

afterAll(() => arena.close());

describe("TCP-MD5", () => {
  test("is reported as Failed (Authenticated), and not one RST is spent", async () => {
    const { net, sensor } = arena;
    const { client, server, clientPort } = await connectKind("md5", net.client, net.server, 9_200);
    client.write(`${MARK}\n`);
    await server.waitForOutput(new RegExp(`got ${MARK}`));
    const refusal = await sensor.event("the word on it", ({ flow, flowreset }) => flow.src_port === clientPort && flowreset.reason === "Authenticated");
    expect(refusal.flowreset.verdict).not.toBe("Reset");
    server.write("still here\n");
    await client.waitForOutput(/got still here/);
    expect(witness.of(9_200)).toEqual([]);
  });

  test("a FlowReset on it exits with Failed (Authenticated), and not one RST is spent", async () => {
    const { net, sensor } = arena;
    const { client, server, clientPort } = await connectKind("md5", net.client, net.server, 9_201);
    const { code, stdout } = await sensor.command(["kill", "--client", `${net.client.ipv4}:${clientPort}`, "--server", `${net.server.ipv4}:9201`]);
    expect(stdout).toMatch(/Failed.*Authenticated/);
    expect(code).not.toBe(0);
    client.write("still here\n");
    await server.waitForOutput(/got still here/);
    expect(witness.of(9_201)).toEqual([]);
  });
});

describe("Multipath TCP", () => {
  test("every subflow dies, and so does a later one", async () => {
    const { net, sensor } = arena;
    const { namespace } = net.client;
    await namespace.shell(`
ip addr add 10.244.1.111/24 dev eth0
ip mptcp limits set subflows 4 add_addr_accepted 4
ip mptcp endpoint add 10.244.1.111 dev eth0 subflow`);
    await net.server.namespace.shell("ip mptcp limits set subflows 4 add_addr_accepted 4");
    const { client, server } = await connectKind("mptcp", net.client, net.server, 9_202);
    server.write("hello\n");
    await client.waitForOutput(/got hello/);
    await until("two subflows", async () => (await net.server.namespace.sockets({ localPort: 9_202 })).filter(({ state }) => state === "ESTAB").length === 2);
    const noSubflow = async (): Promise<void> => {
      for (const end of [net.client.namespace, net.server.namespace]) {
        await until(`no subflow in ${end.name}`, async () => {
          const sockets = await end.sockets();
          return !sockets.some(({ local, remote, state }) => `${local} ${remote}`.includes(":9202") && !remote.endsWith("*") && state !== "TIME-WAIT");
        });
      }
    };
    client.write(`${MARK}\n`);
    await sensor.event("an outcome of each subflow", () => sensor.events.filter(({ event_type, flow }) => event_type === "outcome" && flow.dest_port === 9_202).length >= 2);
    await noSubflow();
    // The connection itself lives for a while, and may come back by another subflow: that one is refused, or cut at once.
    await namespace.shell("ip addr add 10.244.1.112/24 dev eth0; ip mptcp endpoint add 10.244.1.112 dev eth0 subflow");
    const { flowreset } = await sensor.event("the outcome of the third subflow", ({ event_type, flow }) => event_type === "outcome" && flow.src_ip === "10.244.1.112");
    expect(flowreset.verdict).toBe("Refuse");
    await noSubflow();
    const outcomes = sensor.events.filter(({ event_type, flow }) => event_type === "outcome" && flow.dest_port === 9_202);
    expect(outcomes.map(({ flowreset: { outcome } }) => outcome)).toEqual(["Confirmed", "Confirmed", "Confirmed"]);
    expect(witness.of(9_202).length).toBeGreaterThanOrEqual(3 * 2);
  });
});
