import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAddress } from "../decode/mod.ts";
import { parseLocalAddress } from "./address.ts";
import { parseForwardingEntry } from "./fdb.ts";
import { parseLink } from "./link.ts";
import { parseNeighbour } from "./neighbour.ts";
import { dumpRequest, MessageType, readAttributes, readMessages } from "./netlink.ts";
import { NetworkState } from "./networkState.ts";
import { recorded, recordedBytes } from "./recorded.fixture.ts";
import type { RecordedName } from "./recorded.fixture.ts";
import { parseRoute } from "./route.ts";

const text = (words: Int32Array | undefined) => (words === undefined ? undefined : formatAddress(words[0]!, words[1]!, words[2]!, words[3]!));
const NAMES: RecordedName[] = [
  "loopback", "bridge", "uplink", "pod", "addressIpv4", "addressIpv6", "defaultRoute", "linkRoute", "multipathRoute",
  "localRoute", "routeIpv6", "neighbourIpv4", "neighbourPermanent", "forwarding", "forwardingTunnel",
];

describe("parsers of what the kernel sent", () => {
  test.each([
    ["loopback", { index: 1, name: "lo", hardwareType: 772, up: true, mtu: 65_536, master: 0, driver: "", peerElsewhere: false }],
    ["bridge", { index: 2, name: "br0", hardwareType: 1, up: true, mtu: 1_500, master: 0, driver: "bridge", peerElsewhere: false }],
    ["uplink", { index: 3, name: "up0", driver: "veth", peer: 2, peerElsewhere: true, master: 0 }],
    ["pod", { index: 4, name: "vclient", driver: "veth", peer: 2, peerElsewhere: true, master: 2, hardwareAddress: "2ecb975b48bb" }],
  ] as const)("parseLink() reads %s", (name, expected) => {
    expect(parseLink(recorded(name).body)).toMatchObject(expected);
  });

  test.each([
    ["addressIpv4", 3, "198.51.100.1", 24],
    ["addressIpv6", 3, "2001:db8:100::1", 64],
  ] as const)("parseLocalAddress() reads %s", (name, interfaceIndex, address, prefixLength) => {
    const parsed = parseLocalAddress(recorded(name).body)!;
    expect([parsed.interfaceIndex, text(parsed.words), parsed.prefixLength, parsed.alone]).toEqual([interfaceIndex, address, prefixLength, false]);
  });

  test.each([
    ["defaultRoute", "0.0.0.0", 0, [[3, "198.51.100.9"]]],
    ["linkRoute", "10.244.1.0", 24, [[2, undefined]]],
    ["multipathRoute", "203.0.113.0", 24, [[3, "198.51.100.9"], [3, "198.51.100.8"]]],
    ["routeIpv6", "::", 0, [[3, "2001:db8:100::9"]]],
  ] as const)("parseRoute() reads %s", (name, network, prefixLength, hops) => {
    const parsed = parseRoute(recorded(name).body)!;
    expect([text(parsed.words), parsed.prefixLength, parsed.table]).toEqual([network, prefixLength, 254]);
    expect(parsed.nextHops.map((hop) => [hop.interfaceIndex, text(hop.gateway)])).toEqual(hops);
  });

  test("parseRoute() leaves routes of the local table out", () => {
    expect(parseRoute(recorded("localRoute").body)).toBeUndefined();
  });

  test("parseNeighbour() reads a learned and a permanent entry", () => {
    const learned = parseNeighbour(recorded("neighbourIpv4").body)!;
    expect([learned.interfaceIndex, text(learned.words), learned.hardwareAddress, learned.known]).toEqual([2, "10.244.1.11", "5612eb7c49ed", true]);
    const permanent = parseNeighbour(recorded("neighbourPermanent").body)!;
    expect([permanent.interfaceIndex, text(permanent.words), permanent.known]).toEqual([4, "fd00:244:2::", true]);
    expect(parseNeighbour(recorded("forwarding").body)).toBeUndefined();
  });

  test.each([[0x01, false], [0x20, false], [0x00, false], [0x02, true], [0x04, true], [0x80, true]])(
    "parseNeighbour() says of state %i whether the neighbour is known: %s",
    (state, known) => {
      const bytes = recordedBytes("neighbourIpv4");
      bytes[16 + 8] = state;
      expect(parseNeighbour(readMessages(bytes, bytes.length).messages[0]!.body)!.known).toBe(known);
    },
  );

  test("parseForwardingEntry() reads a bridge's port and a tunnel's far end", () => {
    expect(parseForwardingEntry(recorded("forwarding").body)).toMatchObject({ interfaceIndex: 4, bridge: 2, hardwareAddress: "5612eb7c49ed", remote: undefined });
    const tunnel = parseForwardingEntry(recorded("forwardingTunnel").body)!;
    expect([tunnel.interfaceIndex, tunnel.bridge, text(tunnel.remote)]).toEqual([4, 0, "198.51.100.2"]);
    expect(parseForwardingEntry(recorded("neighbourIpv4").body)).toBeUndefined();
  });
});

describe("hostile lengths", () => {
  const two = () => Buffer.concat([recordedBytes("addressIpv4"), recordedBytes("neighbourIpv4")]);

  test("readMessages() reads what is whole", () => {
    const bytes = two();
    const { messages, malformed } = readMessages(bytes, bytes.length);
    expect([messages.map(({ type }) => type), malformed]).toEqual([[20, 28], false]);
  });

  test.each([
    ["zero", 0, 0, true],
    ["below the header", 15, 0, true],
    ["beyond the datagram", 1_000, 0, true],
    ["4 GiB", 0xffff_ffff, 0, true],
    ["one byte too long for the rest", 76 + 76 + 1, 0, true],
  ])("readMessages() stops at a message whose length is %s", (_, length, count, malformed) => {
    const bytes = two();
    bytes.writeUInt32LE(length, 0);
    const read = readMessages(bytes, bytes.length);
    expect([read.messages.length, read.malformed]).toEqual([count, malformed]);
  });

  test("readMessages() never looks beyond the datagram that it was told", () => {
    const bytes = two();
    for (let length = 0; length < bytes.length; length++) {
      const whole = length >= 76 ? 1 : 0;
      expect(readMessages(bytes, length).messages).toHaveLength(whole);
    }
  });

  test.each([[0], [3], [61], [0xffff]])("readAttributes() refuses an attribute of length %i", (length) => {
    const bytes = Buffer.from(recordedBytes("addressIpv4"));
    bytes.writeUInt16LE(length, 24);
    const { body } = readMessages(bytes, bytes.length).messages[0]!;
    expect(readAttributes(body, 8)).toBeUndefined();
    expect(parseLocalAddress(body)).toBeUndefined();
  });

  test.each(NAMES)("a cut-off %s gives undefined or less, never more, and no exception", (name) => {
    const bytes = recordedBytes(name);
    for (let length = 16; length < bytes.length; length++) {
      const cut = Buffer.from(bytes.subarray(0, length));
      cut.writeUInt32LE(length, 0);
      const { messages } = readMessages(cut, length);
      const state = new NetworkState();
      for (const message of messages) state.apply(message);
      expect(state.links.size + state.addresses.size + state.neighbours.size + state.routes.size + state.forwarding.size).toBeLessThanOrEqual(1);
    }
  });

  test("a prefix longer than its address is refused", () => {
    for (const [name, offset, parse] of [["addressIpv4", 17, parseLocalAddress], ["defaultRoute", 17, parseRoute]] as const) {
      const bytes = recordedBytes(name);
      bytes[offset] = 33;
      expect(parse(readMessages(bytes, bytes.length).messages[0]!.body)).toBeUndefined();
    }
  });

  test("a next hop whose length does not fit refuses the route", () => {
    for (const length of [0, 7, 33, 0xffff]) {
      const bytes = Buffer.from(recordedBytes("multipathRoute"));
      bytes.writeUInt16LE(length, bytes.length - 32);
      expect(parseRoute(readMessages(bytes, bytes.length).messages[0]!.body)).toBeUndefined();
    }
  });

  test("any damage of any message is taken without an exception", () => {
    fc.assert(fc.property(fc.constantFrom(...NAMES), fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { minLength: 1, maxLength: 8 }), (name, changes) => {
      const bytes = recordedBytes(name);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      const state = new NetworkState();
      for (const message of readMessages(bytes, bytes.length).messages) state.apply(message);
    }), { numRuns: 2_000 });
  });
});

test("dumpRequest() asks for everything of a family", () => {
  const { messages } = readMessages(dumpRequest(MessageType.GetNeighbour, 7, 12, 99), 28);
  expect(messages[0]).toMatchObject({ type: 30, flags: 0x301, sequence: 99, port: 0 });
  expect(messages[0]!.body.view.getUint8(16)).toBe(7);
});
