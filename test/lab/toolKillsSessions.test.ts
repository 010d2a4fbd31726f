/** One session of a database, a websocket, a kept connection, a slow reader: it dies at both ends, those beside it live. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Arena, MARK } from "./adversary/arena.ts";
import { KeepAlivePool, PostgresServer, postgresUnsupported, until, WebSocketSession } from "./mod.ts";
import type { Connection } from "./mod.ts";

const FRAMES = 200;
const POOL_SIZE = 8;

let arena: Arena;

beforeAll(async () => {
  arena = await Arena.open();
});

afterAll(() => arena.close());

/** Kills by name through the running sensor. */
async function kills(connection: Connection, port: number, more: readonly string[] = []): Promise<void> {
  const { net, sensor } = arena;
  const { code, stderr } = await sensor.command(["kill", "--client", `${net.client.ipv4}:${connection.localPort}`, "--server", `${net.server.ipv4}:${port}`, ...more]);
  expect([code, stderr]).toEqual([0, "1 matched: 1 Confirmed\n"]);
}

async function goneAtBothEnds(clientPort: number, serverPort: number): Promise<void> {
  const { client, server } = arena.net;
  expect(await client.namespace.socketState({ localPort: clientPort, remotePort: serverPort })).toBe("gone");
  expect(await server.namespace.socketState({ localPort: serverPort, remotePort: clientPort })).toBe("gone");
}

test.skipIf(postgresUnsupported() !== undefined)("psql: a query with the forbidden text is cut, another session of the same server goes on", async () => {
  const { net, sensor } = arena;
  const server = await PostgresServer.start(net.server, 9_050);
  const doomed = await server.session(net.client);
  const other = await server.session(net.client);
  doomed.write(`select pg_sleep(600), '${MARK}';\n`);
  const { flow, flowreset } = await sensor.event("the outcome of the query", ({ event_type, flow: { dest_port } }) => event_type === "outcome" && dest_port === 9_050);
  expect(flowreset).toMatchObject({ outcome: "Confirmed", rule: "text" });
  await goneAtBothEnds(flow.src_port, 9_050);
  await doomed.waitForOutput(/server closed the connection unexpectedly|could not receive data from server|connection to server was lost/);
  other.write("select 6 * 7;\n");
  await other.waitForOutput(/^42$/m);
  // The server's process of the cut session has ended with it, the other's is there.
  other.write("select 'sessions=' || count(*) from pg_stat_activity where backend_type = 'client backend' and client_port <> " + `${flow.src_port};\n`);
  await other.waitForOutput(/^sessions=1$/m);
  await server.process.stop();
});

test("a websocket is cut at its two hundredth frame, another lives", async () => {
  const { net, client, server, sensor } = arena;
  await server.http(9_051);
  const doomed = await WebSocketSession.open(client, net.server.ipv4, 9_051);
  const other = await WebSocketSession.open(client, net.server.ipv4, 9_051);
  for (let frame = 0; frame < FRAMES; frame++) {
    await doomed.echo(`frame ${frame} of the doomed`);
    await other.echo(`frame ${frame} of the other`);
  }
  expect(arena.decisions(doomed.connection.localPort)).toBe(0);
  // A client masks what it sends: the text is in clear in the answer only.
  doomed.echo(MARK).catch(() => {});
  expect((await doomed.connection.closed).error).toBe("ECONNRESET");
  expect((await sensor.outcome(doomed.connection.localPort)).flowreset.outcome).toBe("Confirmed");
  await goneAtBothEnds(doomed.connection.localPort, 9_051);
  await other.echo("still here");
});

test("one connection of a pool of kept ones is killed, the pool goes on without it and with a new one", async () => {
  const { net, client, server } = arena;
  await server.http(9_052);
  const pool = await KeepAlivePool.open(client, net.server.ipv4, 9_052, POOL_SIZE);
  const doomed = pool.connections[3]!;
  await kills(doomed, 9_052);
  expect((await doomed.closed).error).toBe("ECONNRESET");
  await goneAtBothEnds(doomed.localPort, 9_052);
  for (let i = 0; i < POOL_SIZE; i++) {
    if (i === 3) await expect(pool.request(i)).rejects.toThrow("ECONNRESET");
    else await pool.request(i);
  }
  const next = await KeepAlivePool.open(client, net.server.ipv4, 9_052, 1);
  await next.request(0);
});

test("a reader that has closed its window: both ends die though nothing flows", async () => {
  const { net, client, server, sensor } = arena;
  const listener = await server.listen({ port: 9_053, behaviour: "sink" });
  const [doomed, other] = await Promise.all([stuck(), stuck()]);
  await kills(doomed, 9_053);
  // The writer has bytes to write and hears of its death at once; the reader, who is not reading, in the kernel.
  expect((await doomed.closed).error).toMatch(/ECONNRESET|EPIPE/);
  await goneAtBothEnds(doomed.localPort, 9_053);
  const { flowreset } = await sensor.outcome(doomed.localPort);
  expect(flowreset).toMatchObject({ outcome: "Confirmed", evidence: [expect.stringMatching(/^client: (OwnRst|RstInAnswer)/), expect.stringMatching(/^server: (OwnRst|RstInAnswer)/)] });
  const reader = await listener.acceptedFrom(other.localPort);
  const { receivedBytes } = await reader.statistics();
  reader.resume();
  await reader.received(receivedBytes + 1e6);
  expect(other.end).toBeUndefined();
  other.destroy();

  /** A connection whose writer waits for a window, asking now and then. */
  async function stuck(): Promise<Connection> {
    const connection = await client.connect({ host: net.server.ipv4, port: 9_053 });
    (await listener.acceptedFrom(connection.localPort)).pause();
    connection.flood({ bytes: 1e12 });
    const tuple = { localPort: connection.localPort, remotePort: 9_053 };
    await until("a zero window", async () => /\bpersist\b/.test((await net.client.namespace.sockets(tuple))[0]!.details));
    return connection;
  }
});

test("two who kill the same connection at once both hear that it is dead; it is one reset with one outcome", async () => {
  const { client, server, sensor } = arena;
  await server.listen({ port: 9_056, behaviour: "echo" });
  const doomed = await arena.echoing(client, 9_056);
  const neighbour = await arena.echoing(client, 9_056);
  await Promise.all([kills(doomed, 9_056), kills(doomed, 9_056), kills(doomed, 9_056)]);
  expect((await doomed.closed).error).toBe("ECONNRESET");
  expect(sensor.events.filter(({ event_type, flow }) => event_type === "outcome" && flow.src_port === doomed.localPort)).toHaveLength(1);
  await arena.stillEchoes(neighbour);
});

describe("hold", () => {
  test("refuses new connections of the same client to the same server and port until it is over, nobody else's", async () => {
    const { net, client, outside, server, sensor } = arena;
    await Promise.all([server.listen({ port: 9_054, behaviour: "echo" }), server.listen({ port: 9_055, behaviour: "echo" })]);
    const doomed = await arena.echoing(client, 9_054);
    const other = await arena.echoing(outside, 9_054);
    await kills(doomed, 9_054, ["--hold", "10s"]);
    expect((await doomed.closed).error).toBe("ECONNRESET");
    // A server next door may be quicker than the refusal: then the connection is cut at once.
    const refused = client.open({ host: net.server.ipv4, port: 9_054 });
    expect((await refused.closed).error).toMatch(/ECONNREFUSED|ECONNRESET/);
    await arena.stillEchoes(other);
    await Promise.all([arena.echoing(outside, 9_054), arena.echoing(client, 9_055)]);
    const allowed = await until("the end of the hold", async () => {
      const attempt = await arena.echoing(client, 9_054);
      for (let echo = 0; echo < 3; echo++) await arena.stillEchoes(attempt);
      return attempt;
    }, 30_000, 250);
    await arena.stillEchoes(allowed);
    const held = sensor.events.filter(({ event_type, flowreset }) => event_type === "outcome" && flowreset.rule === "hold");
    expect(held.length).toBeGreaterThan(0);
    for (const { flow, flowreset } of held) {
      expect([flow.src_ip, flow.dest_port, flowreset.outcome]).toEqual([net.client.ipv4, 9_054, "Confirmed"]);
      expect(flow.src_port).not.toBe(allowed.localPort);
    }
  });
});
