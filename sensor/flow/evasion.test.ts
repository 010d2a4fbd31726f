/**
 * The evasion matrix: what a hostile client, server or third party sends so that a sensor loses the connection that
 * the hosts see. One case a line: lines after a handshake (unless they start with a SYN), then state, both nexts
 * (relative, -1 where unknown) and both streams.
 */
import { describe, expect, it } from "vitest";
import { Conversation } from "./conversation.fixture.ts";

type Row = [name: string, lines: string[], state: string, next0: number, next1: number, up?: string, down?: string];

function follow(rows: Row[]): void {
  for (const [name, lines, state, next0, next1, up = "", down = ""] of rows) {
    for (const isns of [{}, { clientIsn: -3, serverIsn: 0x7fff_fffe }]) {
      it(`${name}${"clientIsn" in isns ? ", wrapping round" : ""}`, () => {
        const world = new Conversation(isns);
        if (!/^[<>] S[A-Z]* /.test(lines[0]!)) world.handshake();
        world.play(...lines);
        expect([world.state, world.next(0), world.next(1)]).toEqual([state, next0, next1]);
        expect(world.stream).toEqual([up, down]);
      });
    }
  }
}

const SYN = "> S 0 0 _ ws=7";
const SYN_ACK = "< SA 0 1 _ ws=7";
const ACK = "> A 1 1";

describe("a RST that its receiver ignores changes nothing", () => {
  follow([
    ["one below", ["> R 0 0", "> A 1 1 ab"], "Established", 3, 1, "ab"],
    ["in the window", ["> R 2 0", "> R 1000 0", "> A 1 1 ab"], "Established", 3, 1, "ab"],
    ["at the last ACK, with bytes not acknowledged", ["> A 1 1 ab", "> R 1 0"], "Established", 3, 1, "ab"],
    ["where an ACK ahead of the bytes was", ["< A 1 1 _ sack=9", "> A 50 1", "> R 50 0"], "Established", 1, 1],
    ["at the window's edge", ["> R 65536 0"], "Established", 1, 1],
    ["far away", ["> R 2000000000 0", "> R -2000000000 0"], "Established", 1, 1],
    ["from the other side", ["< R 0 0", "< R 2 0", "< RA 900 1"], "Established", 1, 1],
    ["without ACK to a connecting client", [SYN, "< R 1 0", "< R 0 0"], "SynSent", 1, -1],
    ["with a wrong ACK to a connecting client", [SYN, "< RA 0 0", "< RA 0 2"], "SynSent", 1, -1],
    ["inexact in a half open handshake", [SYN, SYN_ACK, "> R 2 0", "> R 0 0"], "SynReceived", 1, 1],
  ]);
});

describe("a RST that its receiver obeys closes", () => {
  follow([
    ["exact", ["> A 1 1 ab", "> R 3 0"], "Closed", 3, 1, "ab"],
    ["with garbage in it", ["> RA 1 999999 xyz"], "Closed", 1, 1],
    ["with SYN or FIN", ["> RSF 1 0"], "Closed", 1, 1],
    ["one below after a FIN", ["> FA 1 1", "> R 1 0"], "Closed", 2, 1],
    ["at the right edge of the bytes behind a hole", ["> A 10 1 ab", "< A 1 1 _ sack=12", "> R 12 0"], "Closed", 1, 1],
    ["where the receiver acknowledged bytes that were missed", ["< A 1 100", "> R 100 0"], "Closed", 1, 1],
    ["to a half open server", [SYN, SYN_ACK, "> R 1 0"], "Closed", 1, 1],
    ["to a client that has the SYN-ACK", [SYN, SYN_ACK, "< R 1 0"], "Closed", 1, 1],
    ["to a client that has not", [SYN, SYN_ACK, "< RA 7 1"], "Closed", 1, 1],
  ]);

  it("answers the SYN", () => {
    expect(new Conversation().play(SYN, "< RA 0 1").state).toBe("Closed");
  });

  it("is taken back where both sides show that the connection lives", () => {
    const up = new Conversation().handshake().play("> R 1 0", "> A 1 1 ab");
    expect(up.state).toBe("Closed");
    expect(up.play("< A 1 3").state).toBe("Established");
    expect(up.eventNames).toContain("Reopened");
    const down = new Conversation().handshake().play("< R 1 0", "> A 1 1 ab", "< A 1 3", "> A 3 1 cd");
    // The server acknowledges: it lives. Whether the client does is open until it sends what it could not have sent.
    expect(down.state).toBe("Closed");
    // 65535 is all that the server had let the client send.
    for (let at = 5; at <= 65_536; at += 1000) down.play(`> A ${at} 1 ${"x".repeat(1000)}`, `< A 1 ${at + 1000}`);
    expect(down.state).toBe("Established");
  });

  it("is not taken back by a late ACK of the FIN before it", () => {
    expect(new Conversation().handshake().play("> FA 1 1", "> R 2 0", "< A 1 2").state).toBe("Closed");
  });

  it("leaves the tuple to a new connection", () => {
    const world = new Conversation().handshake().play("> R 1 0");
    const generation = world.table.generation(world.slot);
    world.clientIsn += 1_000_000;
    world.play(SYN);
    expect(world.eventNames).toEqual(["NewConnection", "SynSeen"]);
    expect(world.table.generation(world.slot)).not.toBe(generation);
    expect([world.state, world.evicted]).toEqual(["SynSent", [world.slot]]);
  });
});

describe("a FIN counts where it is in order", () => {
  follow([
    ["in the window but ahead", ["> FA 100 1", "> A 1 1 ab"], "Established", 3, 1, "ab"],
    ["beyond the window", ["> FA 9000000 1", "> A 1 1 ab"], "Established", 3, 1, "ab"],
    ["without ACK", ["> F 1 0", "> A 1 1 ab"], "Established", 3, 1, "ab"],
    ["overtaken by data", ["> FA 3 1", "> A 1 1 abcdef"], "Established", 7, 1, "abcdef"],
    ["out of order, then reached", ["> FA 3 1 cd", "> A 1 1 ab"], "Closing", 6, 1, "abcd"],
    ["data behind it is dropped", ["> FA 1 1 ab", "> A 4 1 evil", "> A 3 1 evil"], "Closing", 4, 1, "ab"],
    ["sent twice", ["> FA 1 1", "> FA 1 1", "< A 1 2"], "Closing", 2, 1],
    ["simultaneous close", ["> FA 1 1", "< FA 1 1", "> A 2 2", "< A 2 2"], "Closed", 2, 2],
  ]);
});

describe("what the receiver drops is not delivered", () => {
  follow([
    ["data without ACK", ["> P 1 0 evil", "> A 1 1 good"], "Established", 5, 1, "good"],
    ["data without flags", ["> . 1 0 evil", "> A 1 1 good"], "Established", 5, 1, "good"],
    ["a SYN-ACK with data", ["< SA 0 1 evil", "< A 1 1 good"], "Established", 1, 5, "", "good"],
    ["a SYN with data", ["> S 0 0 evil", "> A 1 1 good"], "Established", 5, 1, "good"],
    ["data beyond the window", ["> A 9000000 1 evil", "> A 1 1 good"], "Established", 5, 1, "good"],
    ["data that acknowledges what nobody sent", ["> A 1 50 evil", "> A 1 1 good"], "Established", 5, 1, "good"],
    ["an ACK far too old", ["> A 1 -9000000 evil", "> A 1 1 good"], "Established", 5, 1, "good"],
    ["with an unexpected signature", ["> A 1 1 evil md5", "> A 1 1 good"], "Established", 5, 1, "good"],
    ["a keep-alive's garbage byte", ["> A 1 1 ab", "< A 1 3", "> A 2 1 x", "> A 3 1 c"], "Established", 4, 1, "abc"],
    ["a keep-alive without a byte", ["> A 1 1 ab", "< A 1 3", "> A 2 1", "> A 3 1 c"], "Established", 4, 1, "abc"],
    ["a probe of a closed window", ["< A 1 1 _ win=0", "> A 65536 1 evil"], "Established", 1, 1],
  ]);

  it("does not let a timestamp out of order judge those in order", () => {
    const world = new Conversation().handshake("ts=100").play("> A 500 1 x ts=99999", "> A 1 1 ab ts=101");
    expect(world.stream[0]).toBe("ab");
  });

  it("drops what PAWS drops, by more than one tick", () => {
    const world = new Conversation().handshake("ts=100").play("> A 1 1 ab ts=110", "> A 3 1 evil ts=108");
    expect(world.stream[0]).toBe("ab");
    world.play("> A 3 1 cd ts=109");
    expect(world.stream[0]).toBe("abcd");
    world.play("> A 5 1 ef");
    expect(world.stream[0]).toBe("abcdef");
  });

  it("delivers what it doubted once the receiver acknowledges it", () => {
    const world = new Conversation().handshake("ts=100").play("> A 1 1 ab ts=50");
    expect([world.stream[0], world.next(0), world.eventNames.includes("Doubtful")]).toEqual(["", 1, true]);
    world.play("< A 1 3 _ ts=100");
    expect([world.stream[0], world.next(0), world.flagNames.includes("Gap0")]).toEqual(["ab", 3, false]);
  });

  it("does not let doubted bytes replace others", () => {
    const world = new Conversation().handshake().play("> A 3 1 good", "> A 1 50 evil!", "> A 1 1 ab");
    expect([world.stream[0], world.alternates]).toEqual(["abgood", ["evil!"]]);
  });

  const decoys: [name: string, lines: string[], stream: string, next: number][] = [
    ["data", ["> A 1 1 evil ttl=40", "> A 1 1 good"], "good", 5],
    ["a FIN", ["> FA 1 1 _ ttl=3", "> A 1 1 good"], "good", 5],
    ["data that arrives", ["> A 1 1 true ttl=40", "< A 1 5"], "true", 5],
    ["all data from now on", ["> A 1 1 ab ttl=40", "< A 1 3", "> A 3 1 cd ttl=40"], "abcd", 5],
    ["data by two hops", ["> A 1 1 ab ttl=62"], "ab", 3],
  ];
  for (const [name, lines, stream, next] of decoys) {
    it(`waits where a lower TTL may keep ${name} from arriving`, () => {
      const world = new Conversation().handshake().play(...lines);
      expect([world.stream[0], world.next(0), world.state]).toEqual([stream, next, "Established"]);
    });
  }

  it("does not wait at the receiver's own interface", () => {
    const homes = { homeOf: (_0: number, _1: number, _2: number, last: number) => (last === 0x0a000002 ? 2 : 0), kindOf: () => 1 };
    const world = new Conversation({ homes }).play("> S 0 0 _ if=2 out", "< SA 0 1 _ if=2", "> A 1 1 ab if=2 out ttl=3");
    expect(world.stream[0]).toBe("ab");
  });

  it("goes on behind a FIN that its receiver never had", () => {
    const world = new Conversation().handshake().play("> FA 1 1", "> A 1 1 abcd", "> A 5 1 ef");
    expect([world.state, world.next(0)]).toEqual(["Closing", 2]);
    world.play("< A 1 7");
    expect([world.state, world.next(0), world.stream[0]]).toEqual(["Established", 7, "abcdef"]);
  });

  it("shows doubted bytes that others replaced", () => {
    const world = new Conversation().handshake().play("> A 1 50 evil", "> A 1 1 good");
    expect(world.alternates).toEqual(["evil"]);
    expect(world.flagNames).toContain("Ambiguous0");
  });
});

describe("the window of the receiver bounds what is believed", () => {
  it("takes no acknowledgement for bytes that nobody sent", () => {
    const world = new Conversation().handshake().play("> A 1 1 GET", "> A 4 900");
    expect([world.next(1), world.eventNames.includes("AckUnseen")]).toEqual([1, true]);
    world.play("< A 1 4 answer", "> A 4 7");
    expect([world.next(1), world.stream[1]]).toEqual([7, "answer"]);
    const corrected = new Conversation().handshake().play("> A 1 900", "> A 1 1");
    expect(corrected.table.acknowledged(corrected.slot, 0)).toBe(corrected.serverIsn + 1);
  });

  it("believes it once the sender is seen behind", () => {
    const world = new Conversation().handshake().play("> A 1 1 GET", "> A 4 900", "< A 900 4");
    expect([world.next(1), world.flagNames.includes("Gap1")]).toEqual([900, true]);
  });

  it("widens by the scale that both offered, not by one alone", () => {
    const far = "> A 2000000 1 x";
    expect(new Conversation().handshake().play("< A 1 1 _ win=60000", far).eventNames).toEqual(["OutOfOrder"]);
    const plain = new Conversation().play("> S 0 0 _ ws=7", "< SA 0 1", "> A 1 1", "< A 1 1 _ win=60000", far);
    expect(plain.eventNames).toEqual(["OutOfWindow"]);
  });

  it("holds a segment that ends beyond it until it is acknowledged", () => {
    const world = new Conversation().play("> S 0 0", "< SA 0 1 _ win=4", "> A 1 1", "> A 1 1 abcdef");
    expect([world.stream[0], world.next(0)]).toEqual(["", 1]);
    expect(world.play("< A 1 5").stream[0]).toBe("abcd");
    expect(world.next(0)).toBe(5);
  });
});

describe("handshakes", () => {
  follow([
    ["plain", [SYN, SYN_ACK, ACK], "Established", 1, 1],
    ["SYN and SYN-ACK sent twice", [SYN, SYN, SYN_ACK, SYN, SYN_ACK, ACK], "Established", 1, 1],
    ["data with the third packet", [SYN, SYN_ACK, "> A 1 1 GET"], "Established", 4, 1, "GET"],
    ["the third packet lost", [SYN, SYN_ACK, "< A 1 1 hello"], "Established", 1, 6, "", "hello"],
    ["the SYN lost", [SYN_ACK, ACK, "> A 1 1 ab"], "Established", 3, 1, "ab"],
    ["the SYN-ACK lost", [SYN, ACK, "> A 1 1 ab"], "Established", 3, 1, "ab"],
    ["a third packet with a wrong ACK", [SYN, SYN_ACK, "> A 1 0 evil", "> A 1 99 evil", "> A 1 1 ok"], "Established", 3, 1, "ok"],
    ["a third packet with a wrong ACK alone", [SYN, SYN_ACK, "> A 1 0 evil"], "SynReceived", 1, 1],
    ["an ACK instead of a SYN-ACK", [SYN, "< A 500 1 evil"], "SynSent", 1, -1],
    ["a SYN-ACK that acknowledges too little", [SYN, "< SA 0 0"], "SynSent", 1, -1],
    ["a SYN-ACK that acknowledges too much", [SYN, "< SA 0 2"], "SynSent", 1, -1],
    ["simultaneous open", [SYN, "< S 0 0 _ ws=7", "> SA 0 1", "< SA 0 1", "> A 1 1 ab"], "Established", 3, 1, "ab"],
    ["split handshake", [SYN, "< S 0 0", "> SA 0 1", "< A 1 1", "< A 1 1 ab"], "Established", 1, 3, "", "ab"],
    ["split handshake with an ACK first", [SYN, "< A 500 1", "< S 0 0", "> SA 0 1", "< A 1 1 ab"], "Established", 1, 3, "", "ab"],
    ["a second SYN-ACK with another number", [SYN, SYN_ACK, "< SA 777 1", ACK, "< A 1 1 ab"], "Established", 1, 3, "", "ab"],
    ["a SYN-ACK from the client", [SYN, SYN_ACK, "> SA 5 1", ACK], "Established", 1, 1],
    ["fast open, taken", ["> S 0 0 GET tfo=8", "< SA 0 4", "> A 4 1"], "Established", 4, 1, "GET"],
    ["fast open, not taken", ["> S 0 0 bad tfo=8", "< SA 0 1", "> A 1 1 GET"], "Established", 4, 1, "GET"],
    ["data in a SYN that nobody asked for", ["> S 0 0 evil", "< SA 0 1", "> A 1 1 good"], "Established", 5, 1, "good"],
    ["data in a SYN-ACK", [SYN, "< SA 0 1 evil", ACK, "< A 1 1 good"], "Established", 1, 5, "", "good"],
  ]);

  it("keeps nothing of fast-open data that was not taken", () => {
    const world = new Conversation().play("> S 0 0 bad tfo=8", "< SA 0 1");
    expect(world.tracker.reassembly.pool.nodesUsed).toBe(0);
  });

  it("follows the SYN-ACK that the client took", () => {
    const world = new Conversation().play(SYN, SYN_ACK, "< SA 777 1 _ ws=7", "> A 1 778 ab", "< A 778 3 cd");
    expect([world.state, world.next(1), world.stream]).toEqual(["Established", 780, ["ab", "cd"]]);
    const far = new Conversation().play(SYN, SYN_ACK, "< SA -777000000 1 _ ws=7", "> A 1 -776999999");
    expect(far.play("< A -600000000 1 x").eventNames).toEqual(["OutOfWindow"]);
  });

  it("never turns the direction round", () => {
    for (const lines of [
      [SYN, "< S 0 0", "> SA 0 1", "< A 1 1"],
      [SYN, SYN_ACK, ACK, "< S 900 0", "> A 1 1"],
      [SYN, SYN_ACK, ACK, "> SA 0 1", "< SA 0 1"],
    ]) {
      const world = new Conversation().play(...lines);
      expect([world.state, world.table.port(world.slot, 0)]).toEqual(["Established", 40_000]);
    }
  });

  it.each(["> SF 0 0", "> SR 0 0", "> . 0 0", "> F 0 0", "> R 0 0", "> RA 0 0"])("makes no flow of %s", (line) => {
    const world = new Conversation().play(line);
    expect([world.slot, world.table.size]).toEqual([-1, 0]);
  });
});
