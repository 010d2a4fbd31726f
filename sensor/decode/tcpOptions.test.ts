import { describe, expect, test } from "vitest";
import { DecodeContext } from "./context.ts";
import { decode } from "./decode.ts";
import { decodeBytes, frameOf, hex, segment } from "./frame.fixture.ts";
import { Packet, TcpFlag } from "./packet.ts";
import { DecodeReason } from "./reason.ts";
import { TcpOptionWriter } from "./tcpOptions.ts";

const absent = {
  mss: 0,
  windowScale: -1,
  sackPermitted: false,
  timestampPresent: false,
  sackCount: 0,
  mptcpSubtype: -1,
  authenticated: false,
  fastOpenLength: -1,
};

function parse(options: Uint8Array, flags: number): { packet: Packet; damaged: number } {
  const { packet, context, reason } = decodeBytes(segment({ options, flags }));
  expect(reason).toBe("Ok");
  return { packet, damaged: context.reasons[DecodeReason.BadTcpOptions]! };
}

const writer = (): TcpOptionWriter => new TcpOptionWriter();

describe("parseTcpOptions() on a SYN reads", () => {
  const rows: readonly [string, Uint8Array, Partial<Packet>][] = [
    ["nothing", new Uint8Array(0), {}],
    ["MSS", writer().mss(1460).finished(), { mss: 1460 }],
    ["window scale", writer().windowScale(7).finished(), { windowScale: 7 }],
    ["a window scale beyond 14 as 14 (RFC 7323)", writer().windowScale(255).finished(), { windowScale: 14 }],
    ["SACK permitted", writer().sackPermitted().finished(), { sackPermitted: true }],
    ["timestamps", writer().timestamps(-1, 7).finished(), { timestampPresent: true, timestampValue: -1, timestampEcho: 7 }],
    ["MP_CAPABLE", hex("1e 04 01 81"), { mptcpSubtype: 0, mptcpToken: 0 }],
    ["MP_JOIN with its token", writer().mptcpJoin(0x12345678).finished(), { mptcpSubtype: 1, mptcpToken: 0x12345678 }],
    ["MD5", concatZero("13 12", 16), { authenticated: true }],
    ["AO", concatZero("1d 10", 14), { authenticated: true }],
    ["a request for a fast-open cookie", hex("22 02"), { fastOpenLength: 0 }],
    ["a fast-open cookie", concatZero("22 0a", 8), { fastOpenLength: 8 }],
    ["the experimental fast open", concatZero("fe 0c f9 89", 8), { fastOpenLength: 8 }],
    ["another experiment as nothing", concatZero("fe 0c f9 88", 8), {}],
    ["all that Linux sends", hex("020405b4 0402 080a 00000001 00000000 01 030307"), {
      mss: 1460, sackPermitted: true, timestampPresent: true, timestampValue: 1, timestampEcho: 0, windowScale: 7,
    }],
    ["nothing behind the end", hex("00 020405b4"), {}],
    ["an unknown option as nothing", hex("ff 06 01020304 020405b4"), { mss: 1460 }],
  ];
  test.each(rows)("%s", (_name, options, expected) => {
    const { packet, damaged } = parse(options, TcpFlag.Syn);
    expect(packet).toMatchObject({ ...absent, ...expected });
    expect(damaged).toBe(0);
  });
});

function concatZero(prefix: string, zeroes: number): Uint8Array {
  return hex(prefix + "00".repeat(zeroes));
}

describe("parseTcpOptions() behind the handshake reads", () => {
  const rows: readonly [string, Uint8Array, Partial<Packet>][] = [
    ["aligned timestamps", writer().noOperation().noOperation().timestamps(1, 2).finished(), { timestampValue: 1, timestampEcho: 2 }],
    ["one SACK block", writer().sack([10, 20]).finished(), { sackCount: 1, sackRightEdge: 20 }],
    ["the right-most of three SACK blocks", writer().sack([30, 40, 50, 60, 10, 20]).finished(), { sackCount: 3, sackRightEdge: 60 }],
    ["the right-most across the wrap", writer().sack([-20, -10, 5, 9]).finished(), { sackCount: 2, sackRightEdge: 9 }],
    ["DSS", hex("1e 08 20 01 00000001"), { mptcpSubtype: 2, mptcpToken: 0 }],
    ["no token from an MP_JOIN that is no SYN", hex("1e 0c 10 00 11111111 22222222"), { mptcpSubtype: 1, mptcpToken: 0 }],
    ["no MSS, scale, SACK permission or fast open", hex("020405b4 030307 0402 2202"), absent],
  ];
  test.each(rows)("%s", (_name, options, expected) => {
    expect(parse(options, TcpFlag.Ack).packet).toMatchObject(expected);
  });
});

describe("parseTcpOptions() of damage keeps what came before and counts", () => {
  const rows: readonly [string, string, Partial<Packet>, number][] = [
    ["length 0", "020405b4 03000000", { mss: 1460, windowScale: -1 }, 1],
    ["length 1", "020405b4 08010000", { mss: 1460, timestampPresent: false }, 1],
    ["beyond the header", "020405b4 080a0000", { mss: 1460, timestampPresent: false }, 1],
    ["no length at all", "020405b4 01010108", { mss: 1460, timestampPresent: false }, 1],
    ["MSS of three bytes is skipped", "020305 030307 0000", { mss: 0, windowScale: 7 }, 0],
    ["timestamps of nine bytes are skipped", "0809 00000001000000 020405b4 00", { timestampPresent: false, mss: 1460 }, 0],
    ["a SACK block of seven bytes is skipped", "0509 00000001000000 020405b4 00", { sackCount: 0, mss: 1460 }, 0],
    ["MD5 of three bytes proves nothing", "130300 00", { authenticated: false }, 0],
    ["AO of three bytes proves nothing", "1d0300 00", { authenticated: false }, 0],
    ["MPTCP of two bytes says nothing", "1e020000", { mptcpSubtype: -1 }, 0],
    ["experimental of three bytes", "fe03f900", { fastOpenLength: -1 }, 0],
  ];
  test.each(rows)("%s", (_name, options, expected, damage) => {
    const { packet, damaged } = parse(hex(options), TcpFlag.Syn);
    expect(packet).toMatchObject(expected);
    expect(damaged).toBe(damage);
  });
});

test("nothing stays from the packet before", () => {
  const packet = new Packet();
  const context = new DecodeContext();
  const everything = hex("020405b4 030307 0402 080a0000000100000002 1e0c1000 11111111 22222222 2202 01");
  decode(frameOf(segment({ options: everything, flags: TcpFlag.Syn })), packet, context);
  expect(packet).toMatchObject({ mss: 1460, windowScale: 7, sackPermitted: true, mptcpSubtype: 1, fastOpenLength: 0 });
  decode(frameOf(segment()), packet, context);
  expect(packet).toMatchObject(absent);
});

test("TcpOptionWriter refuses what does not fit into 40 bytes", () => {
  const full = writer().sack([1, 2, 3, 4, 5, 6, 7, 8]).mss(1);
  expect(() => full.windowScale(1)).toThrow("Cannot add TCP option 3: 40 bytes at most, 38 are taken");
  expect(full.finished()).toHaveLength(38);
});
