/**
 * Third parties who write into a connection, and clients who write so that a sensor reads otherwise than the server.
 * The server's own kernel and program are the judges: what the program received decides who is guilty.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Arena, MARK } from "./adversary/arena.ts";
import { Puppet } from "./adversary/puppet.ts";
import { RawHand } from "./adversary/rawHand.ts";
import { until } from "./mod.ts";
import type { Connection, Listener } from "./mod.ts";

const PORT = 9_100;
const FIRST_CLIENT_PORT = 43_000;

let arena: Arena;
let listener: Listener;
/** A hand of the machine outside, for clients in user space and for third parties on their wire. */
let hand: RawHand;
let nextPort = FIRST_CLIENT_PORT;

beforeAll(async () => {
  arena = await Arena.open();
  listener = await arena.server.listen({ port: PORT, behaviour: "sink" });
  hand = await RawHand.start(arena.net.outside, PORT);
  const { namespace } = arena.net.outside;
  await namespace.shell(`nft 'add table inet mute; add chain inet mute in { type filter hook input priority 0; }; add rule inet mute in tcp dport ${FIRST_CLIENT_PORT}-${FIRST_CLIENT_PORT + 999} drop'`);
});

afterAll(() => arena.close());

interface Pair {
  puppet: Puppet;
  accepted: Connection;
  port: number;
}

/** A client in user space outside, connected to the server pod's real socket, and past its hello. */
async function connected(): Promise<Pair> {
  const port = nextPort++;
  const { net } = arena;
  const puppet = await Puppet.connect(hand, { ip: net.outside.ipv4, port }, { ip: net.server.ipv4, port: PORT });
  const accepted = await listener.acceptedFrom(port);
  puppet.write("hello ");
  await accepted.received(6);
  return { puppet, accepted, port };
}

/** What the program behind the server's socket has read. */
async function readBy(accepted: Connection): Promise<string> {
  return (await accepted.statistics()).tail;
}

/** The connection says more, and the server's program reads it: nobody was reset. */
async function livesOn({ puppet, accepted, port }: Pair, word = "still here"): Promise<void> {
  puppet.write(word);
  await until(word, async () => (await readBy(accepted)).endsWith(word));
  expect(arena.decisions(port)).toBe(0);
  expect(accepted.end).toBeUndefined();
}

/** The server's socket dies of it. The client in user space takes no RST. */
async function isCut({ accepted, port }: Pair): Promise<void> {
  expect((await accepted.closed).error).toBe("ECONNRESET");
  await arena.sensor.event(`the reset of port ${port}`, ({ event_type, flow }) => event_type === "reset" && flow.src_port === port);
}

describe("insertion: what the server never takes", () => {
  const rows: readonly [what: string, insert: (puppet: Puppet) => void][] = [
    ["a RST with a wrong checksum", (puppet) => puppet.forge({ flags: "R", badChecksum: true })],
    ["a RST whose TTL ends at the node", (puppet) => puppet.forge({ flags: "R", ttl: 1 })],
    ["a RST one byte below", (puppet) => puppet.forge({ flags: "R", at: -1 })],
    ["a RST in the window, one byte above", (puppet) => puppet.forge({ flags: "R", at: 1 })],
    ["a RST in the window, far above", (puppet) => puppet.forge({ flags: "R", at: 30_000 })],
    ["a RST beyond the window", (puppet) => puppet.forge({ flags: "R", at: 1 << 24 })],
    ["a hundred blind RSTs", (puppet) => {
      for (let i = 0; i < 100; i++) puppet.forge({ flags: "R", at: 1 << 20 | i * 9_999_991 });
    }],
    ["a FIN beyond the window", (puppet) => puppet.forge({ flags: "FA", at: 1 << 24 })],
    ["a FIN without ACK", (puppet) => puppet.forge({ flags: "F" })],
    ["a FIN with a wrong checksum", (puppet) => puppet.forge({ flags: "FA", badChecksum: true })],
    ["a FIN whose TTL ends at the node", (puppet) => puppet.forge({ flags: "FA", ttl: 1 })],
    ["a SYN with another number", (puppet) => puppet.forge({ flags: "S", at: 12_345, ack: 0 })],
    ["a SYN-ACK", (puppet) => puppet.forge({ flags: "SA", at: 12_345 })],
  ];
  for (const [what, insert] of rows) {
    test(`${what} neither ends the connection nor hides the attack behind it`, async () => {
      const pair = await connected();
      insert(pair.puppet);
      await livesOn(pair);
      pair.puppet.write(MARK);
      await isCut(pair);
      expect(await readBy(pair.accepted)).toMatch(new RegExp(`${MARK}$`));
    });
  }

  const data: readonly [what: string, insert: (puppet: Puppet) => void][] = [
    ["with a wrong checksum", (puppet) => puppet.forge({ data: MARK, badChecksum: true })],
    ["whose TTL ends at the node", (puppet) => puppet.forge({ data: MARK, ttl: 1 })],
    ["beyond the window", (puppet) => puppet.forge({ data: MARK, at: 1 << 24 })],
    ["far below the window", (puppet) => puppet.forge({ data: MARK, at: -(1 << 24) })],
    ["that were read long ago", (puppet) => puppet.forge({ data: MARK.slice(0, 6), at: -6 })],
    ["without ACK", (puppet) => puppet.forge({ data: MARK, flags: "P" })],
    ["without any flag", (puppet) => puppet.forge({ data: MARK, flags: "" })],
    ["that acknowledge what was never sent", (puppet) => puppet.forge({ data: MARK, ack: (puppet.expects + (1 << 20)) >>> 0 })],
    ["that acknowledge what was never sent, long ago", (puppet) => puppet.forge({ data: MARK, ack: (puppet.expects - (1 << 30)) >>> 0 })],
    ["in a SYN", (puppet) => puppet.forge({ data: MARK, flags: "S", at: 999, ack: 0 })],
    ["with RST in the window", (puppet) => puppet.forge({ data: MARK, flags: "RA", at: 5 })],
  ];
  for (const [what, insert] of data) {
    test(`forbidden bytes ${what} convict nobody, and blind nobody`, async () => {
      const pair = await connected();
      insert(pair.puppet);
      await livesOn(pair);
      expect(await readBy(pair.accepted)).toBe("hello still here");
      pair.puppet.write(MARK);
      await isCut(pair);
    });
  }
});

describe("evasion: what the server reads in the end", () => {
  const [head, tail] = [MARK.slice(0, 8), MARK.slice(8)];
  const rows: readonly [what: string, send: (puppet: Puppet) => void][] = [
    ["one byte a segment, the last first", (puppet) => {
      for (let at = MARK.length - 1; at >= 0; at--) puppet.forge({ data: MARK[at]!, at });
    }],
    ["a decoy with a wrong checksum first", (puppet) => {
      puppet.forge({ data: "x".repeat(MARK.length), badChecksum: true });
      puppet.forge({ data: MARK });
    }],
    ["a decoy whose TTL ends at the node first", (puppet) => {
      puppet.forge({ data: "x".repeat(MARK.length), ttl: 1 });
      puppet.forge({ data: MARK });
    }],
    ["a decoy without ACK first", (puppet) => {
      puppet.forge({ data: "x".repeat(MARK.length), flags: "P" });
      puppet.forge({ data: MARK });
    }],
    ["a decoy with an impossible ACK first", (puppet) => {
      puppet.forge({ data: "x".repeat(MARK.length), ack: (puppet.expects + (1 << 20)) >>> 0 });
      puppet.forge({ data: MARK });
    }],
    ["a decoy in the same place afterwards", (puppet) => {
      puppet.forge({ data: tail, at: head.length });
      puppet.forge({ data: "x".repeat(tail.length), at: head.length });
      puppet.forge({ data: head });
    }],
    ["a longer decoy in the same place before", (puppet) => {
      puppet.forge({ data: "xxxx", at: head.length });
      puppet.forge({ data: tail, at: head.length });
      puppet.forge({ data: head });
    }],
    ["a decoy that lies inside, before", (puppet) => {
      puppet.forge({ data: "xx", at: head.length + 2 });
      puppet.forge({ data: tail, at: head.length });
      puppet.forge({ data: head });
    }],
    ["a decoy under the byte that closes the hole", (puppet) => {
      puppet.forge({ data: `${"x".repeat(4)}${tail}`, at: head.length - 4 });
      puppet.forge({ data: head });
    }],
    ["a retransmission with other bytes in between", (puppet) => {
      puppet.forge({ data: head });
      puppet.forge({ data: "x".repeat(head.length) });
      puppet.forge({ data: `${"x".repeat(head.length)}${tail}` });
    }],
    ["a keep-alive with a byte of garbage in between", (puppet) => {
      puppet.forge({ data: head });
      puppet.forge({ data: "x", at: head.length - 1 });
      puppet.forge({ data: tail, at: head.length });
    }],
    ["blind RSTs and FINs in between", (puppet) => {
      puppet.forge({ data: head });
      for (const at of [1, 100, 10_000, 1 << 24]) puppet.forge({ flags: "R", at: head.length + at });
      puppet.forge({ flags: "R", at: head.length, badChecksum: true });
      puppet.forge({ flags: "FA", at: head.length, ttl: 1 });
      puppet.forge({ data: tail, at: head.length });
    }],
  ];
  for (const [what, send] of rows) {
    test(`${what}: the server reads the forbidden text, and is cut off`, async () => {
      const pair = await connected();
      send(pair.puppet);
      await isCut(pair);
      expect(await readBy(pair.accepted)).toMatch(new RegExp(`^hello ${MARK}`));
    });
  }
});

test("after all of this the client pod beside it still echoes", async () => {
  await arena.server.listen({ port: 9_101, behaviour: "echo" });
  const connection = await arena.echoing(arena.client, 9_101);
  await arena.stillEchoes(connection);
  await arena.attacks(connection);
});
