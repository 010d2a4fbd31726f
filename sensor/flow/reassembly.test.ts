import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Conversation, type ConversationOptions } from "./conversation.fixture.ts";
import { FlowFlag } from "./record.ts";

type Range = [from: number, to: number];

/** Measured on Linux 6.18: A is sent first, B second, then F fills what is missing before them. */
const overlaps: [name: string, a: Range, b: Range, filler: Range | null, stream: string][] = [
  ["the same range", [4, 8], [4, 8], [0, 4], "FFFFAAAA"],
  ["before, ending inside", [6, 12], [4, 8], [0, 4], "FFFFBBBBAAAA"],
  ["covering", [6, 8], [4, 12], [0, 4], "FFFFBBBBBBBB"],
  ["before, with the same end", [6, 8], [4, 8], [0, 4], "FFFFBBBB"],
  ["the same start, longer", [4, 6], [4, 8], [0, 4], "FFFFBBBB"],
  ["the same start, shorter", [4, 8], [4, 6], [0, 4], "FFFFAAAA"],
  ["inside", [4, 12], [6, 8], [0, 4], "FFFFAAAAAAAA"],
  ["inside and beyond", [4, 8], [6, 12], [0, 4], "FFFFAAAABBBB"],
  ["inside, with the same end", [4, 8], [6, 8], [0, 4], "FFFFAAAA"],
  ["a filler over all of it", [4, 8], [0, 8], null, "BBBBBBBB"],
  ["a filler over its head", [4, 8], [0, 6], null, "BBBBBBAA"],
  ["a retransmission of what was handed on", [0, 4], [0, 4], null, "AAAA"],
  ["a retransmission with a tail", [0, 8], [0, 16], null, "AAAAAAAABBBBBBBB"],
];

const part = (letter: string, [from, to]: Range): string => `> A ${1 + from} 1 ${letter.repeat(to - from)}`;

describe("reassembly settles overlaps as Linux", () => {
  for (const clientIsn of [1000, 0xffff_fffa]) {
    for (const [name, a, b, filler, stream] of overlaps) {
      it(`${name}, from ISN ${clientIsn}`, () => {
        const world = new Conversation({ clientIsn }).handshake().play(part("A", a), part("B", b));
        if (filler !== null) world.play(part("F", filler));
        expect(world.stream[0]).toBe(stream);
        expect(world.next(0)).toBe(1 + stream.length);
        expect(world.tracker.reassembly.pool.nodesUsed).toBe(0);
        expect(world.tracker.reassembly.pool.chunksUsed).toBe(0);
      });
    }
  }

  it("shows the losing copy where it differs, and marks the side", () => {
    for (const [name, a, b, filler] of overlaps) {
      const world = new Conversation().handshake().play(part("A", a), part("B", b));
      if (filler !== null) world.play(part("F", filler));
      const delivered = name.startsWith("a retransmission");
      expect([name, world.alternates.length]).toEqual([name, delivered ? 0 : 1]);
      expect(world.flagNames.includes("Ambiguous0")).toBe(!delivered);
    }
  });

  it("shows nothing where the copies are the same", () => {
    const world = new Conversation().handshake().play("> A 5 1 efgh", "> A 4 1 defg", "> A 1 1 abcde");
    expect(world.stream[0]).toBe("abcdefgh");
    expect(world.alternates).toEqual([]);
    expect(world.flagNames).not.toContain("Ambiguous0");
  });
});

/** Linux's rule byte by byte: of the segments that hold the next byte, the lowest start, then the longest, then the oldest. */
function naive(segments: readonly { from: number; text: string }[]): { stream: string; next: number } {
  let stream = "";
  let next = 0;
  const waiting: { from: number; text: string }[] = [];
  for (const segment of segments) {
    if (segment.from + segment.text.length <= next) continue;
    if (segment.from > next) {
      waiting.push(segment);
      continue;
    }
    stream += segment.text.slice(next - segment.from);
    next = segment.from + segment.text.length;
    for (;;) {
      const holders = waiting.filter(({ from, text }) => from <= next && from + text.length > next);
      if (holders.length === 0) break;
      const best = holders.reduce((one, two) =>
        two.from < one.from || (two.from === one.from && two.text.length > one.text.length) ? two : one,
      );
      stream += best.text[next - best.from];
      next++;
    }
  }
  return { stream, next };
}

const segmentsOf = (span: number, longest: number) =>
  fc.array(fc.tuple(fc.nat(span), fc.integer({ min: 1, max: longest })), { minLength: 1, maxLength: 25 }).map((list) =>
    list.map(([from, length], index) => ({
      from,
      text: String.fromCharCode(...Array.from({ length }, (_, i) => 0x61 + ((index * 7 + i) % 26))),
    })),
  );

function send(world: Conversation, segments: readonly { from: number; text: string }[]): Conversation {
  return world.play(...segments.map(({ from, text }) => `> A ${1 + from} 1 ${text}`));
}

describe("reassembly", () => {
  it("gives byte for byte what the naive twin gives", () => {
    fc.assert(
      fc.property(segmentsOf(40, 16), fc.integer(), (segments, clientIsn) => {
        const world = send(new Conversation({ clientIsn }).handshake(), segments);
        const twin = naive(segments);
        expect(world.stream[0]).toBe(twin.stream);
        expect(world.next(0)).toBe(1 + twin.next);
      }),
      { numRuns: 500 },
    );
  });

  it("keeps the same numbers where nobody inspects the bytes, and holds none", () => {
    fc.assert(
      fc.property(segmentsOf(40, 16), (segments) => {
        const world = new Conversation().handshake();
        world.table.clearFlag(world.slot, FlowFlag.Inspect0);
        send(world, segments);
        expect(world.next(0)).toBe(1 + naive(segments).next);
        expect(world.stream[0]).toBe("");
        expect(world.tracker.reassembly.pool.chunksUsed).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("puts segments longer than a chunk together", () => {
    const text = Array.from({ length: 9000 }, (_, i) => String.fromCharCode(0x61 + (i % 23))).join("");
    const world = new Conversation().handshake();
    send(world, [
      { from: 5000, text: text.slice(5000) },
      { from: 3000, text: text.slice(3000, 7100) },
      { from: 0, text: text.slice(0, 3000) },
    ]);
    expect(world.stream[0]).toBe(text);
    expect(world.tracker.reassembly.pool.chunksUsed).toBe(0);
  });

  it("takes 1-byte segments in reverse order", () => {
    const letters = [..."reversed"].map((text, from) => ({ from, text })).reverse();
    expect(send(new Conversation().handshake(), letters).stream[0]).toBe("reversed");
  });

  it("drops waiting segments that another covers", () => {
    const world = new Conversation().handshake().play("> A 5 1 e", "> A 7 1 g", "> A 3 1 cdefgh");
    expect(world.tracker.reassembly.pool.nodesUsed).toBe(2);
  });

  it("gives all memory back when flows go", () => {
    const world = new Conversation().handshake().play("> A 10 1 abc", "< A 20 1 def");
    expect(world.tracker.reassembly.pool.nodesUsed).toBe(4);
    world.tracker.expire(world.nowMs + 1e9, 10);
    expect(world.tracker.reassembly.pool.nodesUsed).toBe(0);
    expect(world.tracker.reassembly.pool.chunksUsed).toBe(0);
  });
});

describe("reassembly at its limits", () => {
  const hostile: [name: string, options: ConversationOptions, refused: number, stream: string][] = [
    ["bytes of a side", { limits: { reassemblyBytesPerSide: 5 } }, 1, "abcd|"],
    ["bytes in all", { limits: { reassemblyBytes: 2048 } }, 1, "abcd|"],
    ["segments of a side", { limits: { segmentsPerSide: 1 } }, 1, "abcd"],
    ["segments in all", { limits: { segments: 2 } }, 1, "abcd"],
  ];
  for (const [name, options, refused, stream] of hostile) {
    it(`counts what it refuses for want of ${name}, and goes on`, () => {
      const world = new Conversation(options).handshake().play("> A 3 1 cd", "> A 6 1 fghi", "> A 1 1 ab");
      expect(world.stream[0]).toBe("abcd");
      world.play("> A 5 1 e");
      expect(world.tracker.reassembly.refused).toBe(refused);
      expect(world.stream[0]).toBe(`${stream.slice(0, 4)}e${stream.slice(4)}`);
      // The receiver has it all: its acknowledgement tells.
      world.play("< A 1 10");
      expect(world.next(0)).toBe(10);
      expect(world.flagNames).toContain("Gap0");
    });
  }

  it("keeps a FIN in its place where nobody inspects", () => {
    const world = new Conversation().handshake();
    world.table.clearFlag(world.slot, FlowFlag.Inspect0);
    world.play("> FA 3 1 cd", "> A 6 1 x", "> A 1 1 ab");
    expect([world.state, world.next(0)]).toEqual(["Closing", 6]);
  });

  it("remembers a long run behind a hole as one interval where nobody inspects", () => {
    const world = new Conversation().handshake();
    world.table.clearFlag(world.slot, FlowFlag.Inspect0);
    for (let i = 0; i < 2000; i++) world.play(`> A ${3 + i * 2} 1 xx`);
    expect(world.tracker.reassembly.pool.nodesUsed).toBe(2);
    expect(world.play("> A 1 1 ab").next(0)).toBe(4003);
  });
});

describe("urgent data", () => {
  const rows: [name: string, lines: string[], stream: string, alternates: string[]][] = [
    ["in the middle", ["> AU 1 1 abcd urg=2"], "acd", ["abcd"]],
    ["at the end", ["> AU 1 1 abcd urg=4"], "abc", ["abcd"]],
    ["with a pointer of 0", ["> AU 1 1 abcd urg=0"], "bcd", ["abcd"]],
    ["in a later segment", ["> AU 1 1 ab urg=3", "> A 3 1 xcd"], "abcd", ["xcd"]],
    ["behind a hole", ["> AU 3 1 cd urg=1", "> A 1 1 ab"], "abd", ["cd"]],
    ["behind a hole, the later one first", ["> AU 5 1 ef urg=1", "> AU 3 1 cd urg=1", "> A 1 1 ab"], "abcdf", ["ef"]],
    ["retransmitted", ["> AU 1 1 ab urg=1", "> AU 1 1 ab urg=1", "> A 3 1 c"], "bc", ["ab"]],
  ];
  for (const [name, lines, stream, alternates] of rows) {
    it(`leaves out the urgent byte ${name}, and shows the bytes with it`, () => {
      const world = new Conversation().handshake().play(...lines);
      expect([world.stream[0], world.alternates]).toEqual([stream, alternates]);
    });
  }
});
