import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Conversation, type Endpoint, ipv4, segment } from "./conversation.fixture.ts";
import { FlowTable } from "./table.ts";
import { FLOW_WORDS, Field, FlowState } from "./record.ts";

/** Puts the tuple into the table (as the tracker does); the slot, or -1 when full. */
function put(table: FlowTable, source: Endpoint, destination: Endpoint): number {
  const packet = segment(source, destination, {});
  if (table.lookup(packet) >= 0) throw new Error("the tuple is in the table");
  const slot = table.insert(table.foundHash);
  if (slot < 0) return -1;
  const base = table.base(slot);
  table.words.set([...source.words, ...destination.words], base);
  table.words[base + Field.Ports] = (source.port << 16) | destination.port;
  table.words[base + Field.State] = FlowState.SynSent;
  table.lists.enter(slot);
  return slot;
}

function take(table: FlowTable, slot: number): void {
  table.lists.leave(slot);
  table.remove(slot);
}

const endpoints: Endpoint[] = [];
for (let i = 0; i < 6; i++) {
  endpoints.push(ipv4(i, 1000 + (i % 3)));
  endpoints.push({ words: [0x20010db8, i >> 1, 0xffff, i], port: 443 });
}

describe("FlowTable", () => {
  it("holds what a Map of tuples holds, in both directions, through any run of insertions and removals", () => {
    const step = fc.record({ from: fc.nat(endpoints.length - 1), to: fc.nat(endpoints.length - 1) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 60, maxLength: 200 }), fc.integer(), (steps, seed) => {
        const table = new FlowTable({ capacity: 20, seed });
        const twin = new Map<string, number>();
        for (const { from, to } of steps) {
          if (from === to) continue;
          const [low, high] = from < to ? [from, to] : [to, from];
          const key = `${low} ${high}`;
          const known = twin.get(key);
          if (known === undefined) {
            const slot = put(table, endpoints[from]!, endpoints[to]!);
            expect(slot >= 0).toBe(twin.size < 20);
            if (slot >= 0) twin.set(key, slot);
          } else {
            take(table, known);
            twin.delete(key);
          }
        }
        expect(table.size).toBe(twin.size);
        const seen: number[] = [];
        table.forEach((slot) => seen.push(slot));
        expect(seen.length).toBe(twin.size);
        for (let low = 0; low < endpoints.length; low++) {
          for (let high = low + 1; high < endpoints.length; high++) {
            const expected = twin.get(`${low} ${high}`) ?? -1;
            expect(table.lookup(segment(endpoints[low]!, endpoints[high]!, {}))).toBe(expected);
            expect(table.lookup(segment(endpoints[high]!, endpoints[low]!, {}))).toBe(expected);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("tells the side of the sender", () => {
    const table = new FlowTable({ capacity: 4, seed: 1 });
    put(table, ipv4(1, 10), ipv4(2, 20));
    table.lookup(segment(ipv4(2, 20), ipv4(1, 10), {}));
    expect(table.foundSide).toBe(1);
    table.lookup(segment(ipv4(1, 10), ipv4(2, 20), {}));
    expect(table.foundSide).toBe(0);
  });

  it("does not find the last flow again once it is removed", () => {
    const table = new FlowTable({ capacity: 4, seed: 1 });
    const slot = put(table, ipv4(1, 10), ipv4(2, 20));
    take(table, slot);
    expect(table.lookup(segment(ipv4(1, 10), ipv4(2, 20), {}))).toBe(-1);
  });

  it("gives a slot that is used again another generation", () => {
    const table = new FlowTable({ capacity: 4, seed: 1 });
    const slot = put(table, ipv4(1, 10), ipv4(2, 20));
    const generation = table.generation(slot);
    take(table, slot);
    expect(table.isAlive(slot, generation)).toBe(false);
    expect(put(table, ipv4(1, 10), ipv4(2, 20))).toBe(slot);
    expect(table.isAlive(slot, generation)).toBe(false);
    expect(table.isAlive(slot, table.generation(slot))).toBe(true);
  });

  it("reserves at most 256 MB for a million flows, and every byte of it is zero before the first flow", () => {
    const table = new FlowTable({ capacity: 1_000_000, seed: 1 });
    expect(table.reservedBytes).toBeLessThanOrEqual(256e6);
    for (const slot of [0, 1, 499_999, 999_999]) {
      const base = table.base(slot);
      expect(table.words.subarray(base, base + FLOW_WORDS).every((word) => word === 0)).toBe(true);
    }
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 24 + 1])("refuses a capacity of %s", (capacity) => {
    expect(() => new FlowTable({ capacity, seed: 1 })).toThrow(`from 1 to 16777216: ${capacity}`);
  });
});

describe("the tuple's hash", () => {
  const spread = (seed: number, vary: (i: number) => [Endpoint, Endpoint]): number => {
    const table = new FlowTable({ capacity: 1, seed });
    const buckets = new Set<number>();
    for (let i = 0; i < 4096; i++) {
      const [source, destination] = vary(i);
      table.lookup(segment(source, destination, {}));
      buckets.add(table.foundHash & 4095);
    }
    return buckets.size;
  };
  // 4096 balls in 4096 bins fill 63 % of them; fewer than 55 % is 16 standard deviations away.
  const rows: [string, (i: number) => [Endpoint, Endpoint]][] = [
    ["source ports", (i) => [ipv4(1, i), ipv4(2, 80)]],
    ["addresses in steps of 256", (i) => [ipv4(i * 256, 5000), ipv4(2, 80)]],
    ["top bits", (i) => [{ words: [i << 20, 0, 0, 1], port: 1 }, ipv4(2, 80)]],
    ["two words against each other", (i) => [{ words: [i << 20, (i << 20) ^ (i << 5), 0, 1], port: 1 }, ipv4(2, 80)]],
    ["both ends together", (i) => [ipv4(i, i), ipv4(i, 80)]],
  ];
  for (const [name, vary] of rows) {
    it(`spreads ${name} over the buckets whatever the seed`, () => {
      for (const seed of [0, 1, 2 ** 52 + 1]) expect(spread(seed, vary)).toBeGreaterThan(4096 * 0.55);
    });
  }

  it("depends on the seed, its upper bits too", () => {
    const hashes = [1, 2, 2 ** 40 + 1, 2 ** 33 + 1].map((seed) => {
      const table = new FlowTable({ capacity: 1, seed });
      table.lookup(segment(ipv4(1, 1), ipv4(2, 2), {}));
      return table.foundHash;
    });
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

describe("worth", () => {
  /** A table of eight with one flow of every kind, the oldest of each first. */
  const full = (): Conversation => {
    const world = new Conversation({ capacity: 8 });
    const flow = (port: number, ...lines: string[]): void => {
      for (const line of lines) {
        const packet = world.parse(line);
        if (line.startsWith(">")) packet.sourcePort = port;
        else packet.destinationPort = port;
        world.feed(packet);
      }
      world.nowMs += 2000;
    };
    const shake = ["> S 0 0", "< SA 0 1", "> A 1 1"];
    flow(1, ...shake);
    flow(2, ...shake, "> FA 1 1");
    flow(3, "> A 100 100 midstream");
    flow(4, "> S 0 0", "< SA 0 1");
    flow(5, "> S 0 0");
    flow(6, ...shake, "> R 1 0");
    flow(7, ...shake);
    flow(8, ...shake);
    return world;
  };

  it("gives up closed, unanswered, half open, half seen, closing flows, then the longest silent one", () => {
    const world = full();
    const gone: number[] = [];
    for (let i = 0; i < 8; i++) {
      const before = world.evicted.length;
      const packet = world.parse("> A 1 1 x");
      packet.sourcePort = 100 + i;
      packet.destinationPort = 90;
      // Seen both ways, so that newcomers are worth more than what is left.
      world.feed(packet);
      gone.push(...world.evicted.slice(before));
      const answer = world.parse("< A 1 2");
      answer.sourcePort = 90;
      answer.destinationPort = 100 + i;
      world.feed(answer);
      world.nowMs += 2000;
    }
    // Slots were taken in the order of the ports 1 to 8.
    expect(gone.map((slot) => slot + 1)).toEqual([6, 5, 4, 3, 2, 1, 7, 8]);
    expect(Array.from(world.tracker.connections.evicted)).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 3, 0]);
  });

  it("keeps a flow that a kill works on, and refuses the newcomer when all are", () => {
    const world = full();
    world.table.forEach((slot) => {
      world.table.words[world.table.base(slot) + Field.Kill] = 3;
    });
    const packet = world.parse("> S 0 0");
    packet.sourcePort = 99;
    expect(world.feed(packet).slot).toBe(-1);
    expect(world.evicted).toEqual([]);
    world.table.words[world.table.base(6) + Field.Kill] = -1;
    expect(world.feed(packet).slot).toBe(6);
  });

  it("moves a flow that is seen again behind the silent ones", () => {
    const world = full();
    const packet = world.parse("> A 1 1 x");
    packet.sourcePort = 1;
    world.feed(packet);
    for (let i = 0; i < 6; i++) {
      const syn = world.parse("> S 0 0");
      syn.sourcePort = 200 + i;
      const answer = world.parse("< SA 0 1");
      answer.destinationPort = 200 + i;
      const third = world.parse("> A 1 1");
      third.sourcePort = 200 + i;
      world.feed(syn).feed(answer).feed(third);
    }
    expect(world.evicted.at(-1)).toBe(6);
    expect(world.evicted).not.toContain(0);
  });

  const timeouts: [string, string[], number][] = [
    ["a SYN without answer", ["> S 0 0"], 30_000],
    ["a half open handshake", ["> S 0 0", "< SA 0 1"], 30_000],
    ["a half seen flow", ["> A 7 7 x"], 300_000],
    ["an established flow", ["> S 0 0", "< SA 0 1", "> A 1 1"], 3_600_000],
    ["a half closed flow", ["> S 0 0", "< SA 0 1", "> FA 1 1"], 60_000],
    ["a closed flow", ["> S 0 0", "< SA 0 1", "> A 1 1", "< R 1 0"], 10_000],
  ];
  it.each(timeouts)("expires %s", (_name, lines, timeoutMs) => {
    const world = new Conversation().play(...lines);
    expect(world.tracker.expire(world.nowMs + timeoutMs - 1, 10)).toBe(0);
    expect(world.tracker.expire(world.nowMs + timeoutMs, 10)).toBe(1);
    expect(world.table.size).toBe(0);
    expect(world.tracker.expire(world.nowMs + timeoutMs, 10)).toBe(0);
  });

  it("takes other timeouts for flows that are there already", () => {
    const world = new Conversation().handshake();
    world.tracker.setTimeouts({ synSentMs: 1_000, establishedMs: 20_000, closingMs: 1_000, closedMs: 1_000 });
    expect(world.tracker.expire(world.nowMs + 19_999, 10)).toBe(0);
    expect(world.tracker.expire(world.nowMs + 20_000, 10)).toBe(1);
  });

  it("does not expire a flow that a kill works on", () => {
    const world = new Conversation().handshake();
    world.table.words[world.table.base(world.slot) + Field.Kill] = 0;
    expect(world.tracker.expire(world.nowMs + 1e9, 10)).toBe(0);
  });

  it("expires at most as many flows as the budget says", () => {
    const world = full();
    expect(world.tracker.expire(world.nowMs + 1e9, 3)).toBe(3);
    expect(world.table.size).toBe(5);
  });
});
