import { describe, expect, it } from "vitest";
import { Conversation } from "./conversation.fixture.ts";

/** Lines after a handshake (unless they bring their own), then state, both nexts and both streams. */
type Row = [name: string, lines: string[], state: string, next0: number, next1: number, up: string, down: string];

const rows: Row[] = [
  ["a request and an answer", ["> A 1 1 GET", "< A 1 4 OK", "> A 4 3"], "Established", 4, 3, "GET", "OK"],
  ["a retransmission", ["> A 1 1 GET", "> A 1 1 GET"], "Established", 4, 1, "GET", ""],
  ["a hole that is filled", ["> A 3 1 cd", "> A 1 1 ab"], "Established", 5, 1, "abcd", ""],
  ["a hole that the receiver steps over", ["> A 3 1 cd", "< A 1 5"], "Established", 5, 1, "|cd", ""],
  ["FIN both ways", ["> FA 1 1", "< FA 1 2", "> A 2 2"], "Closed", 2, 2, "", ""],
  ["FIN one way", ["> FA 1 1 x", "< A 1 3 more"], "Closing", 3, 5, "x", "more"],
  ["an exact RST", ["> R 1 0"], "Closed", 1, 1, "", ""],
  ["a RST one below", ["> R 0 0"], "Established", 1, 1, "", ""],
  ["a RST in the window", ["> R 100 0"], "Established", 1, 1, "", ""],
];

describe("FlowTracker after a handshake", () => {
  for (const [name, lines, state, next0, next1, up, down] of rows) {
    it(`follows ${name}`, () => {
      const conversation = new Conversation().handshake().play(...lines);
      expect([conversation.state, conversation.next(0), conversation.next(1)]).toEqual([state, next0, next1]);
      expect(conversation.stream).toEqual([up, down]);
    });
  }
});
