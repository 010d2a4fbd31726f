/** The oracle itself against the table measured on Linux 6.18: who tests the tester. */
import { describe, expect, it } from "vitest";
import { TcpFlag, add } from "../decode/mod.ts";
import { LinuxEndpoint } from "./linuxEndpoint.fixture.ts";

const RST = TcpFlag.Rst;
const RST_ACK = TcpFlag.Rst | TcpFlag.Ack;
type Result = "reset" | "challenge" | "silent";

function established(): LinuxEndpoint {
  return LinuxEndpoint.pair(1_000, 5_000)[1];
}

function send(endpoint: LinuxEndpoint, offset: number, flags: number = RST, acknowledgement = 0, length = 0): Result {
  const replies = endpoint.receive({ sequence: add(endpoint.expects, offset), acknowledgement, flags, length }, 10_000);
  if (endpoint.state === "closed") return "reset";
  return replies.length > 0 && replies[0]!.flags === TcpFlag.Ack ? "challenge" : "silent";
}

describe("LinuxEndpoint, established", () => {
  const cases: readonly (readonly [expected: Result, offset: number, flags: number, what: string])[] = [
    ["reset", 0, RST, "exact RST"],
    ["reset", 0, RST_ACK, "exact RST|ACK with any ACK number"],
    ["silent", -1, RST, "one below"],
    ["challenge", 1, RST, "one above"],
    ["challenge", 65_536, RST, "last of the window"],
    ["silent", 65_537, RST, "beyond the window"],
    ["challenge", 0, TcpFlag.Syn, "SYN"],
    ["challenge", 1_000_000, TcpFlag.Syn, "SYN far outside"],
    ["challenge", -1, TcpFlag.Ack, "keep-alive probe"],
  ];
  for (const [expected, offset, flags, what] of cases) {
    it(`${what}: ${expected}`, () => expect(send(established(), offset, flags, 777)).toBe(expected));
  }

  it("answers inexact RSTs once in 500 ms, and an exact one in between still resets", () => {
    const endpoint = established();
    const answers = Array.from({ length: 12 }, (_, step) => endpoint.receive({ sequence: add(endpoint.expects, 5), acknowledgement: 0, flags: RST, length: 0 }, step * 100).length);
    expect(answers).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
    expect(send(endpoint, 0)).toBe("reset");
  });

  it("with 100 bytes not acknowledged yet takes RCV.NXT, challenges below it, and is silent below its last ACK", () => {
    const delayed = () => {
      const endpoint = established();
      endpoint.receive({ sequence: endpoint.expects, acknowledgement: endpoint.next, flags: TcpFlag.Ack, length: 100 }, 0);
      return endpoint;
    };
    expect(send(delayed(), 0)).toBe("reset");
    expect(send(delayed(), -50)).toBe("challenge");
    expect(send(delayed(), -100)).toBe("challenge");
    expect(send(delayed(), -101)).toBe("silent");
  });

  it("takes the right edge of the right-most SACK block", () => {
    const endpoint = established();
    endpoint.receive({ sequence: add(endpoint.expects, 1_000), acknowledgement: endpoint.next, flags: TcpFlag.Ack, length: 100 }, 0);
    expect(send(endpoint, 1_100)).toBe("reset");
  });

  it("in CLOSE_WAIT takes RCV.NXT and one below", () => {
    const closing = () => {
      const endpoint = established();
      endpoint.receive({ sequence: endpoint.expects, acknowledgement: endpoint.next, flags: TcpFlag.Ack | TcpFlag.Fin, length: 0 }, 0);
      return endpoint;
    };
    expect(closing().state).toBe("closeWait");
    expect(send(closing(), 0)).toBe("reset");
    expect(send(closing(), -1)).toBe("reset");
    expect(send(closing(), 5)).toBe("challenge");
  });
});

describe("LinuxEndpoint, connecting", () => {
  const connecting = () => {
    const endpoint = new LinuxEndpoint("listen", 1_000);
    endpoint.connect();
    return endpoint;
  };
  const cases: readonly (readonly [expected: string, flags: number, acknowledgement: number, what: string])[] = [
    ["closed", RST_ACK, 1_001, "RST|ACK of its SYN"],
    ["synSent", RST_ACK, 1_000, "RST|ACK one below"],
    ["synSent", RST_ACK, 1_002, "RST|ACK one above"],
    ["synSent", RST, 0, "RST without ACK"],
    ["synSent", TcpFlag.Ack, 1_001, "ACK without SYN"],
  ];
  for (const [expected, flags, acknowledgement, what] of cases) {
    it(`SYN_SENT, ${what}: ${expected}`, () => {
      const endpoint = connecting();
      endpoint.receive({ sequence: 99, acknowledgement, flags, length: 0 }, 0);
      expect(endpoint.state).toBe(expected);
    });
  }

  it("SYN_RECV drops the request at the exact RST and challenges an inexact one", () => {
    const half = () => {
      const endpoint = new LinuxEndpoint("listen", 5_000);
      endpoint.receive({ sequence: 1_000, acknowledgement: 0, flags: TcpFlag.Syn, length: 0 }, 0);
      return endpoint;
    };
    expect(send(half(), 0)).toBe("reset");
    expect(send(half(), 5)).toBe("challenge");
  });

  it("a host answers for a socket that is gone with the number that was acknowledged", () => {
    const gone = established();
    send(gone, 0);
    expect(gone.receive({ sequence: 7, acknowledgement: 4_242, flags: TcpFlag.Ack, length: 0 }, 0)).toEqual([{ sequence: 4_242, acknowledgement: 0, flags: RST, length: 0 }]);
    expect(gone.receive({ sequence: 7, acknowledgement: 0, flags: TcpFlag.Syn, length: 0 }, 0)).toEqual([{ sequence: 0, acknowledgement: 8, flags: RST_ACK, length: 0 }]);
    expect(gone.receive({ sequence: 7, acknowledgement: 0, flags: RST, length: 0 }, 0)).toEqual([]);
  });
});
