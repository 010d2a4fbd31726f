/** Two sensors on one path: each may act, neither answers the other, and the connection dies once. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Arena, KEY, MARK, sensorSetup } from "./adversary/arena.ts";
import { Puppet } from "./adversary/puppet.ts";
import { RawHand } from "./adversary/rawHand.ts";
import { Witness } from "./adversary/witness.ts";
import { SensorProcess } from "./sensor.ts";

const CONNECTIONS = 20;
/** Exact RSTs to both ends, a probe's echo or two, the raw ones that close conntrack entries (each seen at two interfaces). */
const RSTS_OF_A_KILL = 16;

let arena: Arena;

beforeAll(async () => {
  arena = await Arena.open();
});

afterAll(() => arena.close());

describe.each([
  { how: "that share a mark key", ownKey: false, port: 9_300 },
  { how: "that know nothing of each other", ownKey: true, port: 9_310 },
])("two sensors on one node $how", ({ ownKey, port }) => {
  test("kill each connection once, with few RSTs, and their neighbours live", async () => {
    const { net, client, server, outside, sensor } = arena;
    await using second = await SensorProcess.start(net.node, sensorSetup(net.lab, ownKey));
    const hands = await Promise.all([net.client, net.server, net.outside].map((station) => RawHand.start(station, port)));
    await server.listen({ port, behaviour: "echo" });
    const neighbours = await Promise.all([arena.echoing(client, port), arena.echoing(outside, port)]);
    for (let i = 0; i < CONNECTIONS; i++) {
      const doomed = await arena.echoing(i % 2 === 0 ? client : outside, port);
      doomed.write(MARK);
      expect((await doomed.closed).error).toBe("ECONNRESET");
      const outcomes = await Promise.all([sensor.outcome(doomed.localPort), second.outcome(doomed.localPort)]);
      expect(outcomes.map(({ flowreset }) => flowreset.outcome)).toEqual(["Confirmed", "Confirmed"]);
      const rsts = hands.reduce((sum, hand) => sum + hand.resets(doomed.localPort).length, 0);
      expect(rsts).toBeLessThanOrEqual(2 * RSTS_OF_A_KILL);
      for (const neighbour of neighbours) await arena.stillEchoes(neighbour);
    }
  });

  test("shoot at an end that takes no RST until their budgets are spent, and then no more", async () => {
    const { net, sensor } = arena;
    await using second = await SensorProcess.start(net.node, sensorSetup(net.lab, ownKey));
    const hand = await RawHand.start(net.server, port + 1, true);
    const mine = await RawHand.start(net.client, 44_000 + port, true);
    const accepted: Puppet[] = [];
    Puppet.listen(hand, { ip: net.server.ipv4, port: port + 1 }, (puppet) => accepted.push(puppet));
    const puppet = await Puppet.connect(mine, { ip: net.client.ipv4, port: 44_000 + port }, { ip: net.server.ipv4, port: port + 1 });
    puppet.write(MARK);
    const talk = setInterval(() => (puppet.write("on"), accepted[0]?.write("back")), 10);
    const outcomes = await Promise.all([sensor.outcome(44_000 + port), second.outcome(44_000 + port)]);
    expect(outcomes.map(({ flowreset }) => flowreset.outcome)).toEqual(["Evaded", "Evaded"]);
    const spent = outcomes.reduce((sum, { flowreset }) => sum + flowreset.rsts!, 0);
    expect(spent).toBeLessThanOrEqual(2 * 64);
    const seen = (): number => hand.resets(port + 1).length + mine.resets(port + 1).length;
    const then = seen();
    await new Promise((resolve) => setTimeout(resolve, 500));
    clearInterval(talk);
    expect(seen()).toBe(then);
  });
});

describe("a sensor on the client's node and one beyond the uplink", () => {
  test("cut one path between them once", async () => {
    const { net, client, outside, sensor } = arena;
    await using second = await SensorProcess.start(net.outside.namespace, sensorSetup(net.lab));
    const witness = await Witness.start(net.node, KEY);
    await outside.listen({ port: 9_320, behaviour: "echo" });
    for (let i = 0; i < CONNECTIONS; i++) {
      const doomed = await client.connect({ host: net.outside.ipv4, port: 9_320 });
      doomed.write("hello");
      await doomed.received(5);
      doomed.write(MARK);
      expect((await doomed.closed).error).toBe("ECONNRESET");
      const outcomes = await Promise.all([sensor.outcome(doomed.localPort), second.outcome(doomed.localPort)]);
      expect(outcomes.map(({ flowreset }) => flowreset.outcome)).toEqual(["Confirmed", "Confirmed"]);
      expect(witness.of(doomed.localPort).length).toBeLessThanOrEqual(2 * RSTS_OF_A_KILL);
    }
    expect(await witness.testify()).toMatchObject({ lost: 0 });
  });
});
