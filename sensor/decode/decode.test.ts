import { describe, expect, test } from "vitest";
import { formatAddress, formatEndpoint } from "./address.ts";
import { DecodeContext, LIVE_DATAGRAM_BYTES } from "./context.ts";
import { buildDatagram, buildFragment, DatagramSpec } from "./datagram.ts";
import { between, concat, decodeBytes, hex, ipPacket, patched, segment, segmentSpec } from "./frame.fixture.ts";
import { buildExtension, buildFragmentHeader } from "./ipv6Extensions.ts";
import { ChecksumState, LinkType, type Packet } from "./packet.ts";
import { DECODE_REASON_COUNT, DecodeReason, decodeReasonName } from "./reason.ts";
import { buildGre, greLength } from "./gre.ts";
import { buildGeneve } from "./geneve.ts";
import { buildVxlan } from "./vxlan.ts";

function source(packet: Packet): string {
  return formatEndpoint(packet.source0, packet.source1, packet.source2, packet.source3, packet.sourcePort);
}

function destination(packet: Packet): string {
  const { destination0, destination1, destination2, destination3, destinationPort } = packet;
  return formatEndpoint(destination0, destination1, destination2, destination3, destinationPort);
}

describe("decode() of captured bytes", () => {
  test("a SYN as Linux sends it", () => {
    const bytes = hex(`
      02 42 ac 11 00 02   02 42 ac 11 00 01   08 00    // Ethernet
      45 00 00 3c  1c 46 40 00  40 06 b1 e6            // IPv4, 60 bytes, id 1c46, DF, TTL 64, TCP
      ac 10 0a 63  ac 10 0a 0c                         // 172.16.10.99 > 172.16.10.12
      d1 9e 01 bb  5c 3b 21 e5  00 00 00 00            // 53662 > 443, sequence, no acknowledgement
      a0 02 fa f0  6b 7e 00 00                         // ten words, SYN, window 64240
      02 04 05 b4                                      // MSS 1460
      04 02                                            // SACK permitted
      08 0a 2a f1 5c 3e 00 00 00 00                    // timestamps
      01 03 03 07                                      // window scale 7
    `);
    const { reason, packet } = decodeBytes(bytes, { checksum: ChecksumState.NotReady });
    expect(reason).toBe("Ok");
    expect(source(packet)).toBe("172.16.10.99:53662");
    expect(destination(packet)).toBe("172.16.10.12:443");
    expect(packet).toMatchObject({
      ethernetOffset: 0,
      vlanTci: -1,
      ipVersion: 4,
      ipOffset: 14,
      ipId: 0x1c46,
      ttl: 64,
      protocol: 6,
      transportOffset: 34,
      payloadOffset: 74,
      payloadLength: 0,
      truncatedBytes: 0,
      sequence: 0x5c3b21e5,
      acknowledgement: 0,
      flags: 2,
      window: 64_240,
      mss: 1460,
      sackPermitted: true,
      timestampPresent: true,
      timestampValue: 0x2af15c3e,
      timestampEcho: 0,
      windowScale: 7,
      fastOpenLength: -1,
      authenticated: false,
    });
  });

  test("an IPv6 acknowledgement below a VLAN tag", () => {
    const bytes = hex(`
      33 33 00 00 00 01   02 00 00 00 00 01   81 00    // Ethernet
      60 0a 86 dd                                      // priority 3, VLAN 10
      6a 51 23 45  00 20  06  39                       // traffic class a5, flow label 12345, 32 bytes, TCP, hop limit 57
      20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01
      20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02
      00 50 9c 40  ff ff ff ff  80 00 00 00            // 80 > 40000
      80 10 00 f6  00 00 00 00                         // eight words, ACK
      01 01 08 0a 00 00 00 01 00 00 00 02
    `);
    const { reason, packet } = decodeBytes(bytes, { checksum: ChecksumState.Valid });
    expect(reason).toBe("Ok");
    expect(source(packet)).toBe("[2001:db8::1]:80");
    expect(packet).toMatchObject({
      vlanTci: 0x600a,
      vlanTpid: 0x8100,
      innerVlanTci: -1,
      ipOffset: 18,
      typeOfService: 0xa5,
      flowLabel: 0x12345,
      ttl: 57,
      ipId: 0,
      sequence: -1,
      acknowledgement: 0x80000000 | 0,
      flags: 0x10,
      timestampValue: 1,
      timestampEcho: 2,
    });
  });
});

describe("decode() by link type", () => {
  const packet4 = segment().slice(14);
  const packet6 = segment({ ipVersion: 6 }).slice(14);
  const rows: readonly [string, number, Uint8Array, Partial<Packet>][] = [
    ["raw IPv4", LinkType.Raw, packet4, { ipVersion: 4, ipOffset: 0 }],
    ["raw IPv6", LinkType.Raw, packet6, { ipVersion: 6, ipOffset: 0 }],
    ["IPv4 only", LinkType.Ipv4, packet4, { ipVersion: 4 }],
    ["IPv6 only", LinkType.Ipv6, packet6, { ipVersion: 6 }],
    ["BSD null of a little-endian host", LinkType.Null, concat(hex("02000000"), packet4), { ipOffset: 4 }],
    ["BSD null of macOS with IPv6", LinkType.Null, concat(hex("1e000000"), packet6), { ipVersion: 6 }],
    ["BSD loop with IPv6 of OpenBSD", LinkType.Loop, concat(hex("00000018"), packet6), { ipVersion: 6 }],
    [
      "cooked v1, outgoing",
      LinkType.LinuxCooked,
      concat(hex("0004 0001 0006 020000000001 0000 0800"), packet4),
      { ipOffset: 16, direction: 4, ethernetOffset: -1 },
    ],
    [
      "cooked v2, which knows the interface",
      LinkType.LinuxCooked2,
      concat(hex("86dd 0000 00000007 0001 00 06 020000000001 0000"), packet6),
      { ipOffset: 20, direction: 0, interfaceIndex: 7 },
    ],
  ];
  test.each(rows)("%s", (_name, linkType, bytes, expected) => {
    const decoded = decodeBytes(bytes, { linkType, interfaceIndex: 3, direction: 1 });
    expect(decoded.reason).toBe("Ok");
    expect(decoded.packet).toMatchObject(expected);
    expect(decoded.packet.destinationPort).toBe(80);
  });

  test("a tag that the kernel took out is the outer one", () => {
    const { packet } = decodeBytes(segment({ vlanTci: 20 }), { vlanTci: 0x6064, vlanTpid: 0x88a8 });
    expect(packet).toMatchObject({ vlanTci: 0x6064, vlanTpid: 0x88a8, innerVlanTci: 20 });
  });
});

const plain = segment();
const plain6 = segment({ ipVersion: 6 });
const IP = 14;
const TCP = 34;

function datagram(overrides: Partial<DatagramSpec> = {}): Uint8Array {
  const spec = new DatagramSpec();
  if (overrides.ipVersion === 6) between(spec, "2001:db8::1", "2001:db8::2");
  else between(spec, "10.0.0.1", "10.0.0.2");
  Object.assign(spec, { sourcePort: 5000, destinationPort: 5001, ...overrides });
  const out = new Uint8Array(200 + spec.payload.length);
  return out.slice(0, buildDatagram(out, 0, spec));
}

function extension(next: number, body: string): Uint8Array {
  const out = new Uint8Array(64);
  return out.slice(0, buildExtension(out, 0, next, hex(body)));
}

function withExtensions(first: number, ...headers: readonly Uint8Array[]): Uint8Array {
  return segment({ ipVersion: 6, firstExtension: first, extensions: concat(...headers) });
}

function vxlan(inner: Uint8Array): Uint8Array {
  const header = new Uint8Array(8);
  buildVxlan(header, 0, 42);
  return datagram({ destinationPort: 4789, payload: concat(header, inner) });
}

function gre(inner: Uint8Array, etherType: number, withChecksum = false): Uint8Array {
  const out = new Uint8Array(greLength(-1, -1, withChecksum) + inner.length);
  buildGre(out, 0, etherType, -1, -1, withChecksum, inner);
  return ipPacket(47, out);
}

function geneve(inner: Uint8Array, etherType = 0x6558): Uint8Array {
  const out = new Uint8Array(8 + inner.length);
  buildGeneve(out, 0, 1, etherType, new Uint8Array(0));
  out.set(inner, 8);
  return datagram({ destinationPort: 6081, payload: out });
}

function ipv4WithOptions(options: string): Uint8Array {
  return segment({ ipOptions: hex(options) });
}

function nested(depth: number): Uint8Array {
  let packet = segment({ linkHeader: 0 });
  for (let level = 1; level <= depth; level++) packet = ipPacket(4, packet, { linkHeader: level === depth ? 1 : 0 });
  return packet;
}

/** A fragment of `plain` or `plain6`. */
function fragment(ipVersion: number, first: number, end: number, more: boolean): Uint8Array {
  const whole = ipVersion === 4 ? plain.slice(TCP) : plain6.slice(54);
  return buildFragment(segmentSpec({ ipVersion }), 6, whole, first, end, more, 1);
}

/** A fragment header behind an atomic one. */
function nestedFragment(): Uint8Array {
  const inner = new Uint8Array(24);
  buildFragmentHeader(inner, 0, 6, 0, true, 9);
  return buildFragment(segmentSpec({ ipVersion: 6 }), 44, inner, 0, 24, false, 2);
}

describe("decode() refuses", () => {
  const cut = (bytes: Uint8Array, length: number) => bytes.slice(0, length);
  const rows: readonly [string, string, Uint8Array, number?][] = [
    ["TruncatedEthernet", "13 bytes", cut(plain, 13)],
    ["TruncatedVlan", "half a tag", cut(segment({ vlanTci: 1 }), 16)],
    ["TooManyVlanTags", "three tags", concat(cut(segment({ vlanTci: 1, innerVlanTci: 2 }), 20), hex("8100 0003 0800"))],
    ["TruncatedCooked", "15 bytes of cooked v1", new Uint8Array(15), LinkType.LinuxCooked],
    ["TruncatedCooked", "19 bytes of cooked v2", new Uint8Array(19), LinkType.LinuxCooked2],
    ["TruncatedLoopback", "three bytes", new Uint8Array(3), LinkType.Null],
    ["UnknownLoopbackFamily", "AppleTalk", concat(hex("10000000"), plain.slice(IP)), LinkType.Null],
    ["UnknownLinkType", "802.11", plain, 105],
    ["NotIp", "ARP", patched(plain, 12, [0x08, 0x06])],
    ["NotIp", "an LLC frame", patched(plain, 12, [0x00, 0x40])],
    ["NotIp", "raw IP of version 5", hex("50"), LinkType.Raw],
    ["TruncatedIpv4", "19 bytes", cut(plain, IP + 19)],
    ["TruncatedIpv4", "nothing at all of raw IP", new Uint8Array(0), LinkType.Raw],
    ["BadIpv4Version", "version 6 under EtherType IPv4", patched(plain, IP, [0x65])],
    ["BadIpv4HeaderLength", "four words", patched(plain, IP, [0x44])],
    ["TruncatedIpv4", "options beyond the frame", cut(ipv4WithOptions("01010101"), IP + 22)],
    ["BadIpv4TotalLength", "shorter than the header", patched(plain, IP + 2, [0, 19], IP)],
    ["BadIpv4TotalLength", "longer than the frame", patched(plain, IP + 2, [0, 46], IP)],
    ["BadIpv4TotalLength", "zero without being a super-packet", patched(plain, IP + 2, [0, 0], IP)],
    ["BadIpv4Checksum", "one bit off", patched(plain, IP + 8, [65])],
    ["BadIpv4Options", "an option without its length", ipv4WithOptions("01010107")],
    ["BadIpv4Options", "length 1", ipv4WithOptions("07010000")],
    ["BadIpv4Options", "an option beyond the header", ipv4WithOptions("94050000")],
    ["BadIpv4Options", "a record route whose pointer is too small", ipv4WithOptions("0707030000000000")],
    ["BadIpv4Options", "a record route without room", ipv4WithOptions("0706040000000000")],
    ["BadIpv4Options", "two record routes", ipv4WithOptions("0703040703040000")],
    ["BadIpv4Options", "a timestamp that overflows", ipv4WithOptions("440405f0")],
    ["BadIpv4Options", "a router alert of three bytes", ipv4WithOptions("94030000")],
    ["Ipv4SourceRoute", "loose", ipv4WithOptions("8307040a00000300")],
    ["Ipv4SourceRoute", "strict", ipv4WithOptions("8907040a00000300")],
    ["TruncatedIpv6", "39 bytes", cut(plain6, IP + 39)],
    ["BadIpv6Version", "version 4 under EtherType IPv6", patched(plain6, IP, [0x45])],
    ["BadIpv6PayloadLength", "longer than the frame", patched(plain6, IP + 4, [0, 26])],
    ["TruncatedTcp", "payload length zero without being a jumbogram", patched(plain6, IP + 4, [0, 0])],
    ["Ipv6MappedAddress", "a mapped source", patched(plain6, IP + 8, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255])],
    ["Ipv6MappedAddress", "a mapped destination", patched(plain6, IP + 24, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255])],
    ["TruncatedExtensionHeader", "four bytes", ipPacket(60, hex("06000000"), { ipVersion: 6 })],
    ["TruncatedExtensionHeader", "length beyond the packet", ipPacket(60, hex("0602000000000000"), { ipVersion: 6 })],
    ["ExtensionHeaderLoop", "eleven", withExtensions(60, ...Array.from({ length: 11 }, () => extension(60, "0000")))],
    ["HopByHopMisplaced", "behind a destination header", withExtensions(60, extension(0, ""), extension(6, ""))],
    ["BadIpv6Option", "one that must be discarded", withExtensions(60, extension(6, "4000"))],
    ["BadIpv6Option", "one beyond its header", withExtensions(60, extension(6, "1e09"))],
    ["BadIpv6Option", "one without its length", withExtensions(60, extension(6, "00000000001e"))],
    ["BadIpv6Option", "padding that says something", withExtensions(60, extension(6, "010200ff"))],
    ["BadIpv6Option", "eight bytes of padding", withExtensions(60, extension(6, "1e00 01060000000000000000"))],
    ["BadIpv6JumboLength", "beside a payload length", withExtensions(0, extension(6, "c20400010000"))],
    ["BadIpv6JumboLength", "a small one", patched(withExtensions(0, extension(6, "c20400000040")), IP + 4, [0, 0])],
    ["BadIpv6JumboLength", "beyond the frame", patched(withExtensions(0, extension(6, "c20400010000")), IP + 4, [0, 0])],
    ["BadIpv6JumboLength", "payload length zero without it", patched(withExtensions(0, extension(6, "")), IP + 4, [0, 0])],
    ["Ipv6RouteUnfinished", "one segment left", withExtensions(43, extension(6, "0001"))],
    ["TruncatedAuthentication", "four bytes", ipPacket(51, hex("06040000"))],
    ["TruncatedAuthentication", "a length below the fixed part", ipPacket(51, concat(hex("06000000"), new Uint8Array(20)))],
    ["TruncatedAuthentication", "a length beyond the packet", ipPacket(51, concat(hex("06ff0000"), new Uint8Array(20)))],
    ["FragmentHeld", "the first of two", fragment(4, 0, 8, true)],
    ["BadFragmentLength", "an empty fragment", fragment(4, 8, 8, true)],
    ["BadFragmentLength", "20 bytes that are not the last (IPv6)", fragment(6, 0, 20, true)],
    ["BadFragmentLength", "a TCP header cut in two (IPv6)", fragment(6, 0, 16, true)],
    ["FragmentTooLong", "beyond 65535", patched(fragment(4, 0, 16, true), IP + 6, [0x3f, 0xff], IP)],
    ["NestedFragment", "a fragment of a fragment", nestedFragment()],
    ["TunnelTooDeep", "four times IP in IP", nested(4)],
    ["TruncatedVxlan", "seven bytes", datagram({ destinationPort: 4789, payload: new Uint8Array(7) })],
    ["BadVxlanFlags", "no VNI", datagram({ destinationPort: 8472, payload: new Uint8Array(40) })],
    ["TruncatedEthernet", "an empty VXLAN packet", vxlan(new Uint8Array(0))],
    ["NotIp", "ARP in VXLAN", vxlan(patched(plain, 12, [0x08, 0x06]))],
    ["TooManyVlanTags", "three tags in VXLAN", vxlan(concat(new Uint8Array(12), hex("8100 0001 8100 0002 8100 0003 0800")))],
    ["TruncatedVlan", "half a tag in VXLAN", vxlan(concat(new Uint8Array(12), hex("8100 00")))],
    ["TruncatedGeneve", "seven bytes", datagram({ destinationPort: 6081, payload: new Uint8Array(7) })],
    ["TruncatedGeneve", "options beyond the packet", datagram({ destinationPort: 6081, payload: hex("3f00655800000100") })],
    ["BadGeneveVersion", "version 1", datagram({ destinationPort: 6081, payload: hex("4000655800000100") })],
    ["UnknownTunnelPayload", "NSH in Geneve", geneve(plain, 0x894f)],
    ["TruncatedGre", "three bytes", ipPacket(47, hex("000008"))],
    ["TruncatedGre", "a key beyond the packet", ipPacket(47, hex("20000800 0000"))],
    ["BadGreFlags", "PPTP", ipPacket(47, hex("2001880b 00000000"))],
    ["BadGreFlags", "routing present", ipPacket(47, hex("40000800 00000000"))],
    ["BadGreChecksum", "one bit off", patched(gre(plain.slice(IP), 0x0800, true), 80, [1])],
    ["UnknownTunnelPayload", "MPLS in GRE", gre(plain.slice(IP), 0x8847)],
    ["TruncatedUdp", "seven bytes", ipPacket(17, new Uint8Array(7))],
    ["BadUdpLength", "seven", ipPacket(17, hex("0001 0002 0007 0000 00"))],
    ["BadUdpLength", "beyond the packet", ipPacket(17, hex("0001 0002 000a 0000 00"))],
    ["BadUdpLength", "zero in IPv4", ipPacket(17, hex("0001 0002 0000 0000 00"))],
    ["BadUdpChecksum", "one bit off", patched(datagram({ payload: hex("aa") }), 42, [0xab])],
    ["BadUdpChecksum", "none over IPv6", datagram({ ipVersion: 6, withChecksum: false })],
    ["TruncatedTcp", "19 bytes", ipPacket(6, new Uint8Array(19))],
    ["BadTcpDataOffset", "four words", patched(plain, TCP + 12, [0x40])],
    ["BadTcpDataOffset", "beyond the segment", patched(plain, TCP + 12, [0x70])],
    ["BadTcpChecksum", "one bit of payload off", patched(plain, TCP + 20, [0x69])],
    ["BadTcpChecksum", "one bit of an address off (IPv6)", patched(plain6, IP + 8, [0x21])],
    ["NotTransport", "ICMP", ipPacket(1, hex("0800f7ff00000000"))],
    ["NotTransport", "ESP over IPv6", ipPacket(50, new Uint8Array(20), { ipVersion: 6 })],
    ["NotTransport", "no next header", ipPacket(59, new Uint8Array(0), { ipVersion: 6 })],
  ];
  const seen = new Set(rows.map(([reason]) => reason));

  test.each(rows)("%s: %s", (reason, _name, bytes, linkType = LinkType.Ethernet) => {
    const decoded = decodeBytes(bytes, { linkType });
    expect(decoded.reason).toBe(reason);
    expect(decoded.context.reasons[DecodeReason[reason as keyof typeof DecodeReason]]).toBe(1);
  });

  test("every reason has a row, here or in fragments.test.ts or unreachable.test.ts", () => {
    const elsewhere = ["FragmentDuplicate", "FragmentOverlap", "FragmentEndConflict", "FragmentEcnConflict"];
    elsewhere.push("FragmentCutShort", "FragmentRefused", "FragmentTimeout", "FragmentEvicted");
    elsewhere.push("TruncatedIcmp", "BadIcmpChecksum", "BadIcmpQuote");
    const here = ["Ok", "CaptureCutShort", "BadTcpOptions"];
    const all = Object.keys(DecodeReason);
    expect(all.filter((reason) => !seen.has(reason) && !elsewhere.includes(reason) && !here.includes(reason))).toEqual([]);
    expect(DECODE_REASON_COUNT).toBe(all.length);
    expect(all.map((reason) => decodeReasonName(DecodeReason[reason as keyof typeof DecodeReason]))).toEqual(all);
    expect(decodeReasonName(99)).toBe("Unknown");
  });
});

describe("decode() of what the capture cut short", () => {
  test("keeps the headers and says how much payload is missing", () => {
    const { reason, packet } = decodeBytes(plain.slice(0, 56), { wireLength: plain.length });
    expect(reason).toBe("Ok");
    expect(packet).toMatchObject({ payloadLength: 2, truncatedBytes: 3 });
  });

  test("does not count padding as missing", () => {
    const { packet } = decodeBytes(concat(plain, new Uint8Array(6)).slice(0, 57), { wireLength: plain.length + 6 });
    expect(packet).toMatchObject({ payloadLength: 3, truncatedBytes: 2 });
  });

  const rows: readonly [string, number][] = [
    ["Ethernet", 10],
    ["IPv4", 20],
    ["TCP", 50],
  ];
  test.each(rows)("says so when the header of %s is not there", (_name, length) => {
    expect(decodeBytes(plain.slice(0, length), { wireLength: plain.length }).reason).toBe("CaptureCutShort");
  });

  test("believes no captured length beyond the buffer", () => {
    expect(decodeBytes(plain.slice(0, 40), { capturedLength: 59, wireLength: 59 }).reason).toBe("CaptureCutShort");
  });
});

describe("decode() of lengths", () => {
  test("ignores Ethernet padding", () => {
    const { packet } = decodeBytes(concat(plain, hex("ffffffffff")));
    expect(packet.payloadLength).toBe(5);
  });

  test("takes the length of a super-packet without one from the frame", () => {
    const big = segment({ payload: new Uint8Array(2000) });
    const { packet, reason } = decodeBytes(patched(big, IP + 2, [0, 0], IP));
    expect(reason).toBe("Ok");
    expect(packet.payloadLength).toBe(2000);
  });

  test("takes it also where the kernel says that the checksum is not ready, however short", () => {
    const bytes = patched(plain, IP + 2, [0, 0], IP);
    expect(decodeBytes(bytes, { checksum: ChecksumState.NotReady }).packet.payloadLength).toBe(5);
  });

  test("reads a jumbogram", () => {
    const jumbo = (length: string) => {
      const spec = { ipVersion: 6, firstExtension: 0, extensions: extension(6, `c204${length}`) };
      return patched(segment({ ...spec, payload: new Uint8Array(70_000 - 28) }), IP + 4, [0, 0]);
    };
    // 70,000 bytes behind the fixed header.
    const { reason, packet } = decodeBytes(jumbo("00011170"));
    expect(reason).toBe("Ok");
    expect(packet.payloadLength).toBe(69_972);
    expect(decodeBytes(jumbo("00011171")).reason).toBe("BadIpv6JumboLength");
  });
});

describe("decode() of checksums", () => {
  const bad = patched(plain, TCP + 16, [0xde, 0xad]);
  test("trusts the kernel where it vouches or has not filled it in", () => {
    expect(decodeBytes(bad, { checksum: ChecksumState.Valid }).reason).toBe("Ok");
    expect(decodeBytes(bad, { checksum: ChecksumState.NotReady }).reason).toBe("Ok");
    expect(decodeBytes(bad).reason).toBe("BadTcpChecksum");
  });

  test("verifies nothing when told to trust", () => {
    expect(decodeBytes(patched(bad, IP + 10, [0, 0]), {}, new DecodeContext({ checksum: "trust" })).reason).toBe("Ok");
  });

  test("takes the bare pseudo-header sum for unfilled only when told", () => {
    // 10.0.0.1 + 10.0.0.2 + 6 + 25 bytes.
    const unfilled = patched(plain, TCP + 16, [0x14, 0x22]);
    expect(decodeBytes(unfilled).reason).toBe("BadTcpChecksum");
    expect(decodeBytes(unfilled, {}, new DecodeContext({ checksum: "verify-filled" })).reason).toBe("Ok");
    expect(decodeBytes(bad, {}, new DecodeContext({ checksum: "verify-filled" })).reason).toBe("BadTcpChecksum");
  });

  test("takes a file's datagrams beyond 1500 bytes for merged ones, a live capture's not", () => {
    const big = patched(segment({ payload: new Uint8Array(3000) }), TCP + 16, [0xde, 0xad]);
    expect(decodeBytes(big).reason).toBe("Ok");
    const live = new DecodeContext({ superPacketBytes: LIVE_DATAGRAM_BYTES });
    expect(decodeBytes(big, {}, live).reason).toBe("BadTcpChecksum");
  });
});

describe("decode() of tunnels", () => {
  const inner = segment({ vlanTci: 7 });
  const bare = plain.slice(IP);
  const rows: readonly [string, Uint8Array, number, number][] = [
    ["VXLAN", vxlan(inner), 1, 42],
    ["Geneve", geneve(inner), 1, 1],
    ["Geneve with bare IPv4", geneve(bare, 0x0800), 1, 1],
    ["GRE with Ethernet", gre(inner, 0x6558), 1, -1],
    ["GRE with a checksum", gre(bare, 0x0800, true), 1, -1],
    ["GRE with a key", ipPacket(47, concat(hex("20000800 000004d2"), bare)), 1, 1234],
    ["IP in IP", nested(1), 1, -1],
    ["6in4", ipPacket(41, plain6.slice(IP)), 1, -1],
    ["4in6", ipPacket(4, bare, { ipVersion: 6 }), 1, -1],
    ["three deep", nested(3), 3, -1],
    ["VXLAN in VXLAN", vxlan(vxlan(plain)), 2, 42],
  ];
  test.each(rows)("%s", (_name, bytes, depth, tunnelId) => {
    const { reason, packet } = decodeBytes(bytes);
    expect(reason).toBe("Ok");
    expect(packet).toMatchObject({ tunnelDepth: depth, tunnelId, destinationPort: 80, payloadLength: 5, vlanTci: -1 });
    expect(packet.ethernetOffset).toBe(0);
    expect(packet.bytes.subarray(packet.payloadOffset, packet.payloadOffset + 5)).toEqual(new TextEncoder().encode("hello"));
  });

  test("leaves them packed when told", () => {
    const packed = new DecodeContext({ unwrapTunnels: false });
    expect(decodeBytes(vxlan(plain), {}, packed).packet).toMatchObject({ protocol: 17, destinationPort: 4789, tunnelDepth: 0 });
    expect(decodeBytes(nested(1), {}, packed).reason).toBe("NotTransport");
  });

  test("allows VXLAN over IPv6 to have no checksum", () => {
    const header = new Uint8Array(8);
    buildVxlan(header, 0, 1);
    const outer = { ipVersion: 6, destinationPort: 4789, withChecksum: false, payload: concat(header, plain) };
    expect(decodeBytes(datagram(outer)).reason).toBe("Ok");
  });
});

describe("decode() of IPv6 chains", () => {
  const authentication = hex("06040000 00000001 00000001 000000000000000000000000");
  const rows: readonly [string, Uint8Array, Partial<Packet>][] = [
    ["hop-by-hop with a router alert", withExtensions(0, extension(6, "050200000100")), {}],
    ["hop-by-hop, destination, finished routing", withExtensions(0, extension(60, ""), extension(43, ""), extension(6, "0200")), {}],
    ["an atomic fragment", withExtensions(44, hex("0600 0000 00000001")), { reassembled: false }],
    ["authentication, then destination", withExtensions(51, patched(authentication, 0, [60]), extension(6, "")), { authenticated: true }],
  ];
  test.each(rows)("passes %s", (_name, bytes, expected) => {
    const { reason, packet } = decodeBytes(bytes);
    expect(reason).toBe("Ok");
    expect(packet).toMatchObject({ destinationPort: 80, payloadLength: 5, ...expected });
  });

  test("knows authentication in IPv4 too, and forgets it at the next packet", () => {
    const context = new DecodeContext();
    const protectedPacket = ipPacket(51, concat(authentication, plain.slice(TCP)), segmentSpec());
    expect(decodeBytes(protectedPacket, { checksum: ChecksumState.Valid }, context).packet.authenticated).toBe(true);
    expect(decodeBytes(plain, {}, context).packet.authenticated).toBe(false);
  });

  test("reads addresses in full", () => {
    const spec = between(segmentSpec(), "2001:db8:1:2:3:4:5:6", "fe80::ffff:1");
    const { packet } = decodeBytes(segment({ ...spec }));
    expect(formatAddress(packet.source0, packet.source1, packet.source2, packet.source3)).toBe("2001:db8:1:2:3:4:5:6");
  });
});
