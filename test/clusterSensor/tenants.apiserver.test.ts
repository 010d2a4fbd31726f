/**
 * Two tenants on one node, one of them hostile: real API server, real sensor, real kernels. It tries every field of its
 * FlowResets and policies against its neighbour's connections, a pod of its own in the host's network, and packets that
 * a pod with NET_RAW forges in its neighbour's name. Its own connections die by the same objects, so they do work.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RawHand } from "../lab/adversary/rawHand.ts";
import { echoes, isDead, Sessions, socketStates } from "../lab/killing/sessions.ts";
import type { Path, Session } from "../lab/killing/sessions.ts";
import { identity, until } from "../lab/mod.ts";
import type { Station } from "../lab/mod.ts";
import { MARK } from "../lab/policies.ts";
import type { ClusterSensor } from "./sensor.ts";
import { World } from "./world.ts";

let world: World;
let sensor: ClusterSensor;
let hostile: string;
/** The hostile tenant's pod; the neighbour's are the lab's client and server. */
let pod: Station;
const sessions = new Sessions();

beforeAll(async () => {
  world = await World.open();
  hostile = await world.server.createNamespace("rival", { team: "rival" });
  pod = await world.net.addPod("rival", 31);
  sensor = await world.sensor();
  await world.pod("client", world.net.client, { labels: { app: "client" } });
  await world.pod("server", world.net.server, { labels: { app: "web" } });
  await world.pod("rival", pod, { labels: { app: "web" }, namespace: hostile });
  const { uplinkIpv4: ipv4, uplinkIpv6: ipv6 } = world.net.nodeAddresses;
  await world.pod("agent", { ipv4, ipv6 }, { labels: { app: "agent" }, namespace: hostile, spec: { hostNetwork: true } });
  await sensor.said(/"bound":3/);
});
afterAll(async () => {
  await sensor?.stop();
  await world?.close();
});

const neighbours = (): Path => ({ from: world.net.client, to: world.net.server });
const neighbourToOutside = (): Path => ({ from: world.net.client, to: world.net.outside });
const own = (): Path => ({ from: pod, to: world.net.outside });

async function live(...held: readonly Session[]): Promise<void> {
  for (const session of held) {
    await echoes(session.client);
    expect(session.client.end).toBeUndefined();
  }
}

describe.runIf(identity() === "root")("a hostile tenant", () => {
  it("kills nothing of its neighbour's by any field of a FlowReset, and its own by the same", async () => {
    const { client, server, outside, nodeAddresses } = world.net;
    const held = [await sessions.open(neighbours(), "ipv4"), await sessions.open(neighbourToOutside(), "ipv4"), await sessions.open(neighbours(), "ipv6")];
    const [inside, away, six] = held as [Session, Session, Session];
    const doomed = await sessions.open(own(), "ipv4");
    const matches: object[] = [
      { client: { ip: client.ipv4 } },
      { server: { ip: server.ipv4 } },
      { client: { ip: client.ipv6 } },
      { client: { ip: client.ipv4, port: inside.client.localPort }, server: { ip: server.ipv4, port: inside.port } },
      { client: { ip: client.ipv4, port: away.client.localPort }, server: { ip: outside.ipv4, port: away.port } },
      { client: { ip: client.ipv6, port: six.client.localPort }, server: { ip: server.ipv6, port: six.port } },
      { client: { cidr: `${client.ipv4}/32` } },
      { server: { cidr: `${server.ipv4.replace(/\d+$/, "0")}/24` } },
      { client: { podSelector: { matchLabels: { app: "client" } } } },
      { server: { podSelector: { matchLabels: { app: "web" } } } },
      { client: { podSelector: { matchLabels: { app: "agent" } } } },
      { client: { ip: nodeAddresses.uplinkIpv4 } },
      // One that nobody has seen, for which the ends would be asked.
      { client: { ip: client.ipv4, port: 1 }, server: { ip: outside.ipv4, port: away.port } },
    ];
    for (const [number, match] of matches.entries()) await world.apply("FlowReset", `try-${number}`, { match, hold: "30s" }, hostile);
    await world.apply("FlowReset", "own", { match: { client: { podSelector: { matchLabels: { app: "web" } } } } }, hostile);
    await isDead(doomed);
    expect((await sensor.outcome(doomed.client.localPort)).flowreset).toMatchObject({ flow_reset: `${hostile}/own`, outcome: "Confirmed" });
    await live(...held);
    // Nothing is held either.
    await live(await sessions.open(neighbours(), "ipv4"), await sessions.open(neighbourToOutside(), "ipv4"));
    expect(sensor.events.filter(({ flow }) => flow.src_ip === client.ipv4 || flow.src_ip === client.ipv6)).toEqual([]);
  });

  it("cuts nothing of its neighbour's by any field of a policy, and its own by the same", async () => {
    const { client, server } = world.net;
    const signature = { rules: [`alert tcp any any -> any any (msg:"says it"; content:"${MARK}"; sid:1;)`] };
    const policies: [subject: object, rule: object][] = [
      [{}, { signature }],
      [{ podSelector: {} }, { signature }],
      [{ podSelector: { matchLabels: { app: "client" } } }, { signature }],
      [{ cidrs: [`${client.ipv4}/32`] }, { signature }],
      [{ cidrs: [`${client.ipv4}/32`] }, { connection: { phase: "Established" } }],
      [{ podSelector: {} }, { peers: { cidrs: ["0.0.0.0/0", "::/0"] }, connection: { phase: "Established", server: { cidrs: [`${server.ipv4}/32`] } } }],
      [{ podSelector: {} }, { connection: { phase: "Handshake", client: { cidrs: [`${client.ipv4}/32`] } } }],
      [{ serviceAccounts: ["default"] }, { direction: "Inbound", connection: { phase: "Established", client: { cidrs: [`${client.ipv4}/32`] } } }],
    ];
    for (const [number, [subject, rule]] of policies.entries()) {
      await world.apply("ResponsePolicy", `try-${number}`, { mode: "Enforce", subject, rules: [{ name: "r", ...rule }] }, hostile);
    }
    await sensor.said(new RegExp(`"policies":${policies.length}.*policies in force`));
    const held = [await sessions.open(neighbours(), "ipv4"), await sessions.open(neighbourToOutside(), "ipv4"), await sessions.open(neighbours(), "ipv6")];
    for (const { client: speaker } of held) speaker.write(MARK);
    const doomed = await sessions.open(own(), "ipv4");
    doomed.client.write(MARK);
    await isDead(doomed);
    await live(...held);
    const told = sensor.events.filter(({ event_type, flowreset }) => event_type === "alert" && flowreset.policy.startsWith(hostile));
    expect(told.filter(({ flow }) => flow.src_ip !== pod.ipv4)).toEqual([]);
  });

  it("gets nothing by a pod in the host's network, whose address is the node's", async () => {
    const { node, nodeAddresses, outside } = world.net;
    const Host = world.net.client.constructor as new (...values: unknown[]) => Station;
    const host = new Host(node, nodeAddresses.uplinkIpv4, nodeAddresses.uplinkIpv6, "lo", "lo");
    const held = await sessions.open({ from: host, to: outside }, "ipv4");
    const marker = await sessions.open(own(), "ipv4");
    held.client.write(MARK);
    await world.apply("FlowReset", "agent", { match: { client: { ip: nodeAddresses.uplinkIpv4, port: held.client.localPort }, server: { ip: outside.ipv4, port: held.port } } }, hostile);
    marker.client.write(MARK);
    await isDead(marker);
    await live(held);
  });

  it("gets nothing by packets that its pod forges in the neighbour's name: they are counted, and belong to no flow", async () => {
    const held = await sessions.open(neighbourToOutside(), "ipv4");
    const { localPort } = held.client;
    const [knows, hand] = await Promise.all([RawHand.start(world.net.client, localPort), RawHand.start(pod, localPort)]);
    await live(held);
    const last = await until("the neighbour's numbers", () => knows.heard.findLast(({ out, flags }) => out && flags.includes("A")));
    const before = await sensor.metric("flowreset_spoofed_interface_packets_total");
    const as = { src: world.net.client.ipv4, dst: held.host, sport: localPort, dport: held.port, ack: last.ack, flags: "PA", data: MARK };
    // Exact, beyond the window, a new connection, and its own SYN with the neighbour's number.
    hand.send({ ...as, seq: (last.seq + last.length) >>> 0 });
    for (const at of [1 << 20, 1 << 24]) hand.send({ ...as, seq: (last.seq + at) >>> 0 });
    hand.send({ ...as, sport: localPort + 10_000, seq: 1, ack: 0, flags: "S", data: "" });
    hand.send({ ...as, src: pod.ipv4, seq: last.seq, ack: 0, flags: "S", data: "" });
    await until("four spoofed packets", async () => (await sensor.metric("flowreset_spoofed_interface_packets_total")) >= before + 4);
    const marker = await sessions.open(own(), "ipv4");
    marker.client.write(MARK);
    await isDead(marker);
    expect(sensor.events.filter(({ flow }) => flow.src_ip === world.net.client.ipv4 && [localPort, localPort + 10_000].includes(flow.src_port))).toEqual([]);
    expect(held.client.end).toBeUndefined();
    expect(await socketStates(held)).toEqual(["ESTAB", "ESTAB"]);
  });
});
