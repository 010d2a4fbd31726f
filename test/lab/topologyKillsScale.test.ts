/** Hundreds of kills through address translation leave nothing behind in the node's connection tracking. */
import { describe, expect, test } from "vitest";
import { Ground, MARK } from "./killing/ground.ts";
import { echoes, FAMILIES } from "./killing/sessions.ts";
import type { Path, Session } from "./killing/sessions.ts";
import { Lab, masquerade, nodePort } from "./mod.ts";

const KILLS = 400;
const NEIGHBOURS = 20;
/** Connections that open, or are cut, at the same time. */
const AT_ONCE = 40;
/** The machine may have other work. */
const OUTCOME_TIMEOUT_MS = 60_000;

describe("after hundreds of kills no dead connection is left ESTABLISHED", () => {
  test.each([
    { title: "through masquerade", toVip: false },
    { title: "through a ClusterIP whose backend is on the same node", toVip: true },
  ])("$title", async ({ toVip }) => {
    await using lab = await Lab.open(["conntrack"]);
    const { ground, path } = toVip ? await vip(lab) : await out(lab);
    const neighbours = await open(ground, path, NEIGHBOURS);
    const doomed = await open(ground, path, KILLS);
    expect(await ground.established(doomed)).toBe(KILLS);
    for (let at = 0; at < KILLS; at += AT_ONCE) {
      const batch = doomed.slice(at, at + AT_ONCE);
      for (const { client } of batch) client.write(MARK);
      const outcomes = await Promise.all(batch.map(({ client }) => ground.sensor.outcome(client.localPort, OUTCOME_TIMEOUT_MS)));
      expect(outcomes.filter(({ flowreset }) => flowreset.outcome !== "Confirmed")).toEqual([]);
    }
    const ends = await Promise.all(doomed.flatMap(({ client, server }) => [client.closed, server.closed]));
    expect(ends.filter(({ error }) => error !== "ECONNRESET" && error !== "EPIPE")).toEqual([]);
    await ground.forgets(doomed);
    for (const { client } of neighbours) await echoes(client);
    expect(await ground.established(neighbours)).toBe(NEIGHBOURS);
  });
});

async function out(lab: Lab): Promise<{ ground: Ground; path: Path }> {
  const net = await masquerade(lab);
  return { ground: await Ground.open(net, {}), path: { from: net.client, to: net.outside } };
}

async function vip(lab: Lab): Promise<{ ground: Ground; path: Path }> {
  const net = await nodePort(lab, { routed: true });
  const calls = { ipv4: net.vipIpv4, ipv6: net.vipIpv6, port: net.vipPort };
  return { ground: await Ground.open(net, {}), path: { from: net.client, to: net.server, calls } };
}

/** Half of them by IPv6. */
async function open(ground: Ground, path: Path, count: number): Promise<Session[]> {
  const sessions: Session[] = [];
  while (sessions.length < count) {
    const room = Math.min(AT_ONCE, count - sessions.length);
    sessions.push(...(await Promise.all(Array.from({ length: room }, (_, i) => ground.sessions.open(path, FAMILIES[i % 2]!)))));
  }
  return sessions;
}
