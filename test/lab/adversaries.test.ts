/** Those who fight back: whatever they send, no innocent connection is reset, and an attack is not lost from sight. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Arena, HOLD_PORT, MARK } from "./adversary/arena.ts";
import { Puppet } from "./adversary/puppet.ts";
import { RawHand } from "./adversary/rawHand.ts";
import { until } from "./mod.ts";

let arena: Arena;

beforeAll(async () => {
  arena = await Arena.open();
});

afterAll(() => arena.close());

describe("ends that take no RST", () => {
  test("a server in user space that ignores RST: its client dies, the outcome is Evaded, the budget is kept", async () => {
    const { net, client, sensor } = arena;
    const hand = await RawHand.start(net.server, 9_001, true);
    const puppets: Puppet[] = [];
    Puppet.listen(hand, { ip: net.server.ipv4, port: 9_001 }, (puppet) => puppets.push(puppet));
    const connection = await client.connect({ host: net.server.ipv4, port: 9_001 });
    connection.write(MARK);
    expect((await connection.closed).error).toBe("ECONNRESET");
    const { flowreset } = await sensor.outcome(connection.localPort);
    expect(puppets[0]!.received).toBe(MARK);
    expect(puppets[0]!.resetsIgnored).toBeGreaterThan(0);
    expect(flowreset).toMatchObject({ outcome: "Evaded", reason: "LivesOn" });
    expect(flowreset.rsts).toBeLessThanOrEqual(64);
  });

  test("two such ends that talk on through all RSTs: Evaded, within the budget of each kill", async () => {
    const { net, sensor } = arena;
    const [mine, theirs] = await Promise.all([RawHand.start(net.client, 40_002, true), RawHand.start(net.server, 9_002, true)]);
    const accepted: Puppet[] = [];
    Puppet.listen(theirs, { ip: net.server.ipv4, port: 9_002 }, (puppet) => accepted.push(puppet));
    const puppet = await Puppet.connect(mine, { ip: net.client.ipv4, port: 40_002 }, { ip: net.server.ipv4, port: 9_002 });
    puppet.write("hello");
    await until("hello", () => accepted[0]?.received === "hello");
    puppet.write(MARK);
    const talk = setInterval(() => (puppet.write("and on"), accepted[0]!.write("and back")), 20);
    const { flowreset } = await sensor.outcome(40_002).finally(() => clearInterval(talk));
    expect(flowreset).toMatchObject({ outcome: "Evaded", reason: "LivesOn" });
    expect(flowreset.rsts).toBeLessThanOrEqual(64);
    expect(mine.resets(40_002).length + theirs.resets(40_002).length).toBeLessThanOrEqual(64);
  });
});

describe("a client that comes back from the same port within the chase", () => {
  test("lives on its new connection, ten times over", async () => {
    const { server, client, sensor } = arena;
    await server.listen({ port: 9_010, behaviour: "echo" });
    for (let round = 0; round < 10; round++) {
      const doomed = await arena.echoing(client, 9_010, 41_000);
      doomed.write(MARK);
      expect((await doomed.closed).error).toBe("ECONNRESET");
      const innocent = await arena.echoing(client, 9_010, 41_000);
      await sensor.event("as many outcomes as attacks", () => sensor.events.filter(({ event_type, flow }) => event_type === "outcome" && flow.src_port === 41_000).length === round + 1);
      await arena.stillEchoes(innocent);
      innocent.finish();
      expect((await innocent.closed).error).toBeUndefined();
      innocent.destroy();
    }
    const outcomes = sensor.events.filter(({ event_type, flow }) => event_type === "outcome" && flow.src_port === 41_000);
    expect(outcomes.map(({ flowreset }) => flowreset.outcome)).toEqual(Array(10).fill("Confirmed"));
  });

  test("lives also while the old server, which takes no RST, is still being chased", async () => {
    const { net, client, sensor } = arena;
    const hand = await RawHand.start(net.server, 9_011, true);
    const puppets: Puppet[] = [];
    Puppet.listen(hand, { ip: net.server.ipv4, port: 9_011 }, (puppet) => puppets.push(puppet));
    const doomed = await client.connect({ host: net.server.ipv4, port: 9_011, localPort: 41_001 });
    doomed.write(MARK);
    await doomed.closed;
    const innocent = await client.connect({ host: net.server.ipv4, port: 9_011, localPort: 41_001 });
    for (const word of ["first", "second", "third"]) {
      innocent.write(word);
      await until(word, () => puppets[1]!.received.endsWith(word));
      puppets[1]!.write(word);
    }
    await sensor.outcome(41_001);
    await innocent.received("firstsecondthird".length);
    expect(innocent.end).toBeUndefined();
    expect(puppets[1]!.resetsIgnored).toBe(0);
  });

  test("is refused where the policy holds", async () => {
    const { net, server, client, outside } = arena;
    await server.listen({ port: HOLD_PORT, behaviour: "echo" });
    const doomed = await arena.echoing(client, HOLD_PORT, 41_002);
    await arena.attacks(doomed);
    const again = client.open({ host: net.server.ipv4, port: HOLD_PORT, localPort: 41_002 });
    expect((await again.closed).error).toMatch(/ECONNREFUSED|ECONNRESET/);
    await arena.stillEchoes(await arena.echoing(outside, HOLD_PORT));
  });
});

describe("a pod that forges its neighbour's tuple", () => {
  test("gets nobody reset: its packets are counted as SpoofedInterface and belong to no flow", async () => {
    const { net, server, client, sensor } = arena;
    await server.listen({ port: 9_020, behaviour: "echo" });
    const mallory = await net.addPod("mallory", 66);
    const [knows, hand] = await Promise.all([RawHand.start(net.client, 42_000), RawHand.start(mallory, 42_000)]);
    const neighbour = await arena.echoing(client, 9_020, 42_000);
    const last = await until("the numbers of the neighbour", () => knows.heard.findLast(({ out, flags }) => out && flags === "A"));
    const before = await sensor.metric("flowreset_spoofed_interface_packets_total");
    const as = { src: net.client.ipv4, dst: net.server.ipv4, sport: 42_000, dport: 9_020, ack: last.ack, flags: "PA", data: MARK };
    // As anybody on the node may: beyond the window, from a tuple that nobody has, and a whole handshake.
    for (const at of [1 << 20, 1 << 24, 1 << 30]) hand.send({ ...as, seq: last.seq + at });
    hand.send({ ...as, sport: 42_001, seq: 1 });
    hand.send({ ...as, sport: 42_002, seq: 1, ack: 0, flags: "S" });
    hand.send({ ...as, sport: 42_002, seq: 2, ack: 77 });
    hand.send({ ...as, src: net.server.ipv4, dst: net.client.ipv4, sport: 9_020, dport: 42_000, seq: last.ack + (1 << 24), ack: last.seq });
    await until("seven spoofed packets", async () => (await sensor.metric("flowreset_spoofed_interface_packets_total")) >= before + 7);
    await arena.stillEchoes(neighbour);
    // With the exact numbers the server takes the bytes; that is still not the neighbour's doing.
    hand.send({ ...as, seq: neighbourNext(knows) });
    await until("another", async () => (await sensor.metric("flowreset_spoofed_interface_packets_total")) >= before + 8);
    for (const port of [42_000, 42_001, 42_002]) expect(arena.decisions(port)).toBe(0);
    expect(neighbour.end).toBeUndefined();
    expect(knows.resets(42_000)).toEqual([]);
    await arena.attacks(await arena.echoing(client, 9_020));
  });
});

describe("a pod that forges the tuple of a client beyond the uplink, blindly", () => {
  test("neither gets it reset nor hides what that client does", async () => {
    const { net, server, outside } = arena;
    await server.listen({ port: 9_030, behaviour: "echo" });
    const eve = await net.addPod("eve", 67);
    const hand = await RawHand.start(eve, 42_100);
    const [innocent, attack] = await Promise.all([arena.echoing(outside, 9_030, 42_100), arena.echoing(outside, 9_030, 42_101)]);
    for (const sport of [42_100, 42_101]) {
      const as = { src: net.outside.ipv4, dst: net.server.ipv4, sport, dport: 9_030 };
      const back = { src: net.server.ipv4, dst: net.outside.ipv4, sport: 9_030, dport: sport };
      for (let turn = 0; turn < 200; turn++) {
        const [seq, ack] = [Math.floor(Math.random() * 2 ** 32), Math.floor(Math.random() * 2 ** 32)];
        hand.send({ ...as, seq, ack, flags: "PA", data: MARK });
        hand.send({ ...as, seq, ack, flags: "R" });
        hand.send({ ...as, seq, ack: 0, flags: "S" });
        hand.send({ ...back, seq, ack, flags: "PA", data: MARK });
        hand.send({ ...back, seq, ack, flags: "R" });
      }
    }
    await until("the last forged packet", () => hand.heard.filter(({ out }) => out).length >= 600);
    await arena.stillEchoes(innocent);
    await arena.stillEchoes(attack);
    expect([arena.decisions(42_100), arena.decisions(42_101)]).toEqual([0, 0]);
    await arena.attacks(attack);
    await arena.stillEchoes(innocent);
  });
});

function neighbourNext(hand: RawHand): number {
  const last = hand.heard.findLast(({ out }) => out)!;
  return last.seq + last.length;
}
