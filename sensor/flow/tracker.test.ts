import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Conversation, segment } from "./conversation.fixture.ts";
import { FlowEvent, FlowRefusal, flowEvictionName, flowRefusalName } from "./event.ts";
import { FlowFlag, SideField } from "./record.ts";

const SYN = "> S 0 0 _ ws=7";
const SYN_ACK = "< SA 0 1 _ ws=7";

describe("FlowTracker names what a packet did", () => {
  const rows: [line: string, events: string[]][] = [
    ["> A 1 1 ab", ["Data"]],
    ["> A 1 1", ["DuplicateAck"]],
    ["< A 1 1 ok", ["Data"]],
    ["> A 5 1 ef", ["OutOfOrder"]],
    ["> FA 1 1 ab", ["Data", "Fin"]],
    ["> FA 1 1", ["Data", "Fin"]],
    ["> S 0 0", ["Retransmission", "SynSeen"]],
    ["> S 5 0", ["SynSeen", "SynPending"]],
    ["< SA 0 1", ["Retransmission", "SynAckSeen"]],
    ["> R 1 0", ["Closed", "RstExact"]],
    ["> R 2 0", ["RstInexact"]],
    ["> A 99999999 1 x", ["OutOfWindow"]],
    ["> A 1 50 x", ["Doubtful", "AckUnseen"]],
    ["> . 1 1 x", []],
    ["< A 1 1 _ ttl=9", ["Doubtful"]],
    ["> A 1 1 ab cut=3", ["Data", "Gap"]],
  ];
  for (const [line, events] of rows) {
    it(`${line}: ${events.join(" ") || "nothing"}`, () => {
      expect(new Conversation().handshake().play(line).eventNames.sort()).toEqual(events.sort());
    });
  }

  it("in the handshake", () => {
    const world = new Conversation().play(SYN);
    expect(world.eventNames).toEqual(["Created", "SynSeen"]);
    expect(world.play(SYN_ACK).eventNames).toEqual(["SynAckSeen", "Placed"]);
    expect(world.play("> A 1 1").eventNames).toEqual(["Established"]);
    expect(world.play("> A 1 1 ab", "< A 1 3").eventNames).toEqual(["AckAdvanced"]);
    expect(world.play("> A 1 1 ab").eventNames).toEqual(["Retransmission"]);
  });

  it("takes the acknowledgement of a segment that is sent again", () => {
    const world = new Conversation().handshake().play("> A 1 1 abcd", "< A 1 1 xy", "> A 1 3 ab");
    expect(world.eventNames.sort()).toEqual(["AckAdvanced", "Retransmission"]);
  });

  it("counts refusals by their names", () => {
    const world = new Conversation().handshake().play("> R 9 0", "> A 99999999 1 x", "> . 1 1", "< SA 9 9");
    world.play("> FA 1 1", "> A 2 1 x");
    const counted = Object.values(FlowRefusal)
      .filter((refusal) => world.tracker.refused[refusal]! > 0)
      .map((refusal) => flowRefusalName(refusal));
    expect(counted).toEqual(["BadFlags", "OutOfWindow", "RstInexact", "AfterFin", "BadSynAck"]);
    expect([flowEvictionName(0), flowEvictionName(7), flowEvictionName(12)]).toEqual(["ExpiredClosed", "PressureSynSent", "Replaced"]);
    expect(flowRefusalName(99)).toBe("Unknown99");
  });

  it("ignores what is not TCP", () => {
    const world = new Conversation();
    expect(world.feed(segment(world.client, world.server, { protocol: 17 })).slot).toBe(-1);
    expect(world.tracker.refused[FlowRefusal.NotTcp]).toBe(1);
  });
});

describe("liveness", () => {
  it("is both ways once each side has acknowledged the other", () => {
    const world = new Conversation().play(SYN);
    expect(world.flagNames).not.toContain("BothWays");
    expect(world.play(SYN_ACK).flagNames).toContain("BothWays");
    const half = new Conversation().play("> A 100 100 x", "> A 101 100 y");
    expect(half.flagNames).not.toContain("BothWays");
    expect(half.play("< A 100 102").flagNames).toContain("BothWays");
  });

  it("is shown by one side whose acknowledgements advance twice", () => {
    const world = new Conversation().play("> A 1 100", "> A 1 200");
    expect(world.flagNames).not.toContain("AckAdvanced0");
    expect(world.play("> A 1 300").flagNames).toContain("AckAdvanced0");
    expect(world.play("> A 1 300").flagNames).not.toContain("AckAdvanced1");
  });
});

describe("a flow first seen in the middle", () => {
  it("has both nexts with its first packet", () => {
    const world = new Conversation().play("> A 500 900 ab");
    expect([world.state, world.next(0), world.next(1)]).toEqual(["Established", 502, 900]);
    expect(world.flagNames).toEqual(expect.arrayContaining(["Midstream", "Inferred"]));
    expect(world.stream[0]).toBe("ab");
  });

  it("takes the lower port for the responder, whoever speaks first", () => {
    for (const line of ["> A 500 900 ab", "< A 500 900 ab"]) {
      const world = new Conversation().play(line);
      expect(world.table.port(world.slot, 0)).toBe(40_000);
    }
  });

  it("takes an endpoint that was seen to answer for the responder", () => {
    const server = { words: [0, 0, 0xffff, 0x0a000002] as const, port: 50_000 };
    const world = new Conversation({ server }).handshake();
    const packet = world.parse("> A 1 1 x");
    packet.sourcePort = 40_001;
    expect(world.table.port(world.feed(packet).slot, 1)).toBe(50_000);
  });

  const rows: [name: string, lines: string[], next0: number, next1: number][] = [
    ["one direction", ["> A 1 1 ab", "> A 3 900", "> A 3 1000 cd"], 5, 1000],
    ["bytes in flight before it", ["> A 100 200", "< A 300 100 ab", "> A 100 302"], 100, 302],
    ["a keep-alive as its first packet", ["> A 99 200", "< A 200 100"], 100, 200],
    ["both sides' data", ["> A 100 200 ab", "< A 200 102 cd", "> A 102 202"], 102, 202],
    ["a lie about bytes never sent", ["> A 1 1 a", "< A 1 2 b", "> A 2 500000000", "> A 2 2 c"], 3, 2],
    ["a forged first packet", ["> A 777000000 888000000", "> A 1 1 ab", "< A 1 3", "> A 3 1", "< A 1 3 x", "> A 3 2"], 3, 2],
  ];
  for (const [name, lines, next0, next1] of rows) {
    it(`is right after ${name}`, () => {
      const world = new Conversation().play(...lines);
      expect([world.next(0), world.next(1)]).toEqual([next0, next1]);
    });
  }

  it("steps over a hole that nobody will fill, where only one side is seen", () => {
    const world = new Conversation().play("> A 1 1 ab");
    for (let i = 0; i < 40; i++) world.play(`> A ${103 + i} 1 x`);
    expect([world.next(0), world.flagNames.includes("Gap0")]).toEqual([143, true]);
    expect(world.stream[0]).toBe(`ab|${"x".repeat(40)}`);
  });
});

describe("another connection on the same tuple", () => {
  const reused = (world: Conversation, shift: number): Conversation => {
    world.clientIsn += shift;
    world.serverIsn += shift;
    return world;
  };

  it("does not touch the old one until it is answered", () => {
    const world = new Conversation().handshake();
    const generation = world.table.generation(world.slot);
    world.play("> S 70000000 0", "> A 1 1 still", "< A 1 6 here");
    expect([world.table.generation(world.slot), world.next(0), world.next(1)]).toEqual([generation, 6, 5]);
  });

  it("takes over with the SYN-ACK that acknowledges its SYN", () => {
    const world = new Conversation().handshake().play("> A 1 1 old");
    const generation = world.table.generation(world.slot);
    reused(world, 70_000_000).play(SYN, SYN_ACK);
    expect(world.eventNames).toEqual(["NewConnection", "SynAckSeen"]);
    expect(world.table.generation(world.slot)).not.toBe(generation);
    expect(world.evicted).toEqual([world.slot]);
    world.play("> A 1 1 new");
    expect([world.state, world.next(0), world.next(1), world.stream[0]]).toEqual(["Established", 4, 1, "oldnew"]);
  });

  it("is not taken over by a SYN-ACK alone", () => {
    const world = new Conversation().handshake();
    const generation = world.table.generation(world.slot);
    world.play("< SA 70000000 70000001", "> A 1 1 ab");
    expect([world.table.generation(world.slot), world.next(0)]).toEqual([generation, 3]);
  });

  it("takes over at once where both FINs were seen, though the last ACK was not", () => {
    const closing = (): Conversation => new Conversation().handshake().play("> FA 1 1", "< FA 1 2");
    expect(closing().state).toBe("Closing");
    expect(reused(closing(), 9_000_000).play(SYN).eventNames).toEqual(["NewConnection", "SynSeen"]);
    expect(reused(closing(), 9_000_000).play(SYN_ACK).eventNames).toEqual(["NewConnection", "SynAckSeen"]);
  });

  it("has the window scale of its own SYN", () => {
    const world = reused(new Conversation().play("> S 0 0", "< SA 0 1", "> A 1 1"), 70_000_000).play(SYN, SYN_ACK);
    world.play("> A 1 1 _ win=100");
    expect(world.table.windowBytes(world.slot, 0)).toBe(12_800);
  });

  it("is not made by SYN-ACKs of both sides", () => {
    const world = new Conversation().handshake();
    const generation = world.table.generation(world.slot);
    world.play("< SA 777 1", "> SA 5 778");
    expect(world.table.generation(world.slot)).toBe(generation);
  });

  it("may go the other way round", () => {
    const world = new Conversation().handshake().play("> FA 1 1", "< FA 1 2", "> A 2 2");
    world.play("< S 900000 0", "> SA 800000 900001", "< A 900001 800001 hi");
    expect(world.state).toBe("Established");
    expect(world.table.port(world.slot, 0)).toBe(80);
    expect(world.tracker.side).toBe(0);
  });

  it("is seen in a jump of both sides, though its handshake was missed", () => {
    const world = new Conversation().handshake().play("> A 1 1 old");
    const generation = world.table.generation(world.slot);
    reused(world, 1_500_000_000).play("> A 100 200 ab");
    expect(world.table.generation(world.slot)).toBe(generation);
    world.play("< A 200 102 cd");
    expect(world.eventNames).toContain("NewConnection");
    expect([world.next(0), world.next(1)]).toEqual([102, 202]);
  });

  const forged: [name: string, lines: string[]][] = [
    ["with a true packet between", ["> A 500000000 700000000 x", "> A 1 1 ab", "< A 700000000 500000001"]],
    ["with an odd true packet between", ["> A 500000000 700000000 x", "> A 1 1 ab sack=9", "< A 700000000 500000001"]],
    ["that do not acknowledge each other exactly", ["> A 500000000 700000000 x", "< A 700000500 500000300"]],
    ["far from each other", ["> A 500000000 700000000 x", "< A 600000000 500000001"]],
  ];
  it.each(forged)("is not seen in two packets %s", (_name, lines) => {
    const world = new Conversation().handshake();
    const generation = world.table.generation(world.slot);
    expect(world.play(...lines).table.generation(world.slot)).toBe(generation);
  });

  it("is not seen in what one side alone sends", () => {
    const world = new Conversation().handshake();
    const generation = world.table.generation(world.slot);
    for (let i = 0; i < 5; i++) world.play(`> A ${900_000_000 + i} 1 x`);
    expect([world.table.generation(world.slot), world.next(0)]).toEqual([generation, 1]);
  });

  it("is the old one still where one direction goes on without a break", () => {
    const world = new Conversation().handshake().play("> A 1 1 ab", "< A 1 3");
    const generation = world.table.generation(world.slot);
    world.play("> A 90000000 1 xy", "< A 1 90000002");
    expect(world.table.generation(world.slot)).toBe(generation);
    expect([world.next(0), world.next(1), world.flagNames.includes("Gap0")]).toEqual([90_000_002, 1, true]);
  });
});

describe("what is kept beside the numbers", () => {
  it("counts each payload byte once", () => {
    const world = new Conversation().handshake().play("> A 3 1 cd", "> A 1 1 ab", "> A 1 1 abcd", "< A 1 5 xyz");
    expect([world.table.bytes(world.slot, 0), world.table.bytes(world.slot, 1)]).toEqual([4, 3]);
  });

  it("notes MPTCP and signatures that both sides show", () => {
    expect(new Conversation().play("> S 0 0 _ mptcp=0").flagNames).not.toContain("Mptcp");
    expect(new Conversation().handshake("mptcp=0").flagNames).toContain("Mptcp");
    expect(new Conversation().handshake("md5").flagNames).toContain("Authenticated");
    expect(new Conversation().handshake().play("> A 1 1 x md5").flagNames).not.toContain("Authenticated");
  });

  it("scales the window", () => {
    const world = new Conversation().handshake().play("> A 1 1 _ win=100");
    expect(world.table.windowBytes(world.slot, 0)).toBe(12_800);
  });

  it("remembers the TTL", () => {
    const world = new Conversation().handshake().play("> A 1 1 x ttl=61");
    expect(world.table.side(world.slot, 0, SideField.IpInfo) & 0xff).toBe(61);
  });
});

describe("header prediction", () => {
  const line = fc.tuple(
    fc.constantFrom(">", "<"),
    fc.constantFrom("A", "A", "A", "A", "PA", "FA", "AU", "R", "S"),
    fc.integer({ min: -3, max: 8 }),
    fc.integer({ min: -3, max: 8 }),
    fc.constantFrom("_", "a", "bc", "def"),
    fc.constantFrom("", "ts=1", "ts=2", "ts=9", "win=3", "sack=9", "mptcp=2"),
  );

  it("does exactly what the long way does", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), fc.boolean(), (lines, timestamps) => {
        const extra = timestamps ? "ts=1" : "";
        const fast = new Conversation().handshake(extra);
        const slow = new Conversation().handshake(extra);
        Object.assign(slow.tracker, { prediction: { apply: () => -1 } });
        for (const [direction, flags, sequence, acknowledgement, data, field] of lines) {
          // Relative to what the side has sent, so that many are plain.
          const side = direction === ">" ? 0 : 1;
          const from = Math.max(fast.next(side), 0) + (sequence > 3 ? 0 : sequence);
          const to = Math.max(fast.next(side ^ 1), 0) + (acknowledgement > 3 ? 0 : acknowledgement);
          const text = `${direction} ${flags} ${from} ${to} ${data} ${field}`;
          fast.play(text);
          slow.play(text);
          expect(fast.eventNames).toEqual(slow.eventNames);
        }
        expect(fast.table.words.subarray(0, 64)).toEqual(slow.table.words.subarray(0, 64));
        expect([fast.stream, fast.alternates]).toEqual([slow.stream, slow.alternates]);
      }),
      { numRuns: 400 },
    );
  });
});

it("FlowEvent bits are distinct", () => {
  const bits = Object.values(FlowEvent);
  expect(bits.reduce((all, bit) => all | bit, 0)).toBe(bits.reduce((all, bit) => all + bit, 0));
  const flags = Object.values(FlowFlag);
  expect(flags.reduce((all, bit) => all | bit, 0)).toBe(flags.reduce((all, bit) => all + bit, 0));
});
