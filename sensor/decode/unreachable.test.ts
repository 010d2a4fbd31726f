import { describe, expect, test } from "vitest";
import { formatEndpoint } from "./address.ts";
import { decodeBytes, hex, ipPacket, patched, segment } from "./frame.fixture.ts";
import { unreachable } from "./unreachable.fixture.ts";

const SYN = { flags: 2, sequence: -5, payload: new Uint8Array(0) };
const syn4 = segment(SYN);
const syn6 = segment({ ...SYN, ipVersion: 6 });
const udp = ipPacket(17, new Uint8Array(8), { source3: 0x0a000001 });
const IP = 14;
const QUOTE = IP + 20 + 8;

describe("an ICMP error about a TCP segment", () => {
  test.each<[string, Uint8Array, string, string, number]>([
    ["over IPv4", unreachable(syn4), "10.0.0.2:80", "10.0.0.1:40000", 1],
    ["over IPv6", unreachable(syn6, { code: 4 }), "[2001:db8::2]:80", "[2001:db8::1]:40000", 58],
    ["with no more of it than the ports and the sequence number", unreachable(syn4, { quotedBytes: 28 }), "10.0.0.2:80", "10.0.0.1:40000", 1],
    ["by a firewall", unreachable(syn4, { code: 13 }), "10.0.0.2:80", "10.0.0.1:40000", 1],
    ["behind IPv4 options", unreachable(segment({ ...SYN, ipOptions: hex("01010101") })), "10.0.0.2:80", "10.0.0.1:40000", 1],
  ])("reads as an answer of whoever is not reached: %s", (_name, bytes, source, destination, protocol) => {
    const { reason, packet } = decodeBytes(bytes);
    expect(reason).toBe("Ok");
    expect(formatEndpoint(packet.source0, packet.source1, packet.source2, packet.source3, packet.sourcePort)).toBe(source);
    expect(formatEndpoint(packet.destination0, packet.destination1, packet.destination2, packet.destination3, packet.destinationPort)).toBe(destination);
    expect(packet).toMatchObject({ protocol, acknowledgement: -5, sequence: 0, flags: 0, payloadLength: 0 });
  });

  test.each<[string, string, Uint8Array]>([
    ["NotTransport", "a ping", unreachable(syn4, { type: 8 })],
    ["NotTransport", "time exceeded", unreachable(syn4, { type: 11 })],
    ["NotTransport", "a packet that is too big", unreachable(syn4, { code: 4 })],
    ["NotTransport", "a packet that is too big, over IPv6", unreachable(syn6, { type: 2 })],
    ["NotTransport", "it is about UDP", unreachable(udp)],
    ["NotTransport", "it is about a later fragment", unreachable(patched(syn4, IP + 6, [0, 1], IP))],
    ["NotTransport", "it is about IPv6 extension headers", unreachable(patched(syn6, IP + 6, [0]))],
    ["NotTransport", "ICMPv6 in IPv4", ipPacket(58, unreachable(syn4).slice(IP + 20))],
    ["TruncatedIcmp", "seven bytes", ipPacket(1, hex("0301000000000000").slice(0, 7))],
    ["TruncatedIcmp", "half an IPv4 header", unreachable(syn4, { quotedBytes: 19 })],
    ["TruncatedIcmp", "no port", unreachable(syn4, { quotedBytes: 21 })],
    ["TruncatedIcmp", "half a sequence number", unreachable(syn4, { quotedBytes: 27 })],
    ["TruncatedIcmp", "half an IPv6 header", unreachable(syn6, { quotedBytes: 39 })],
    ["TruncatedIcmp", "a header that is longer than the quote", unreachable(patched(syn4, IP, [0x4f]), { quotedBytes: 40 })],
    ["BadIcmpChecksum", "one bit off", patched(unreachable(syn4), QUOTE + 4, [0xff])],
    ["BadIcmpChecksum", "one bit of an address off (IPv6)", patched(unreachable(syn6), IP + 8, [0x21])],
    ["BadIcmpQuote", "IPv6 in ICMP", unreachable(patched(syn4, IP, [0x65]))],
    ["BadIcmpQuote", "IPv4 in ICMPv6", unreachable(patched(syn6, IP, [0x45]))],
    ["BadIcmpQuote", "an IPv4 header of four words", unreachable(patched(syn4, IP, [0x44]))],
    ["BadIcmpQuote", "a segment of somebody else's, over IPv6", unreachable(syn6, { to: "2001:db8::9" })],
    ["BadIcmpQuote", "a segment of somebody else's", unreachable(syn4, { to: "10.0.0.9" })],
  ])("%s: %s", (reason, _name, bytes) => {
    expect(decodeBytes(bytes).reason).toBe(reason);
  });

  test("whose end the capture cut off is no reason to guess", () => {
    const bytes = unreachable(syn4);
    expect(decodeBytes(bytes.slice(0, QUOTE + 20), { wireLength: bytes.length }).reason).toBe("CaptureCutShort");
    expect(decodeBytes(bytes.slice(0, QUOTE + 28), { wireLength: bytes.length }).reason).toBe("Ok");
  });
});
