import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_INSTRUCTIONS, WHOLE_PACKET } from "./bpf.ts";
import { runBpf } from "./bpfMachine.fixture.ts";
import type { BpfInput } from "./bpfMachine.fixture.ts";
import { compileFilter, MOST_PODS, TUNNEL_PORTS } from "./filter.ts";
import type { CaptureFilter } from "./filter.ts";

const ETHERNET = 1;
const LOOPBACK = 772;
const NONE = 0xfffe;

/** An IPv4 packet behind `link` bytes: enough header for the filter. */
function ipv4(protocol: number, { link = 14, words = 5, fragment = 0, port = 0 } = {}): Uint8Array {
  const bytes = new Uint8Array(link + words * 4 + 8);
  bytes[link] = 0x40 | words;
  bytes[link + 6] = fragment >> 8;
  bytes[link + 7] = fragment;
  bytes[link + 9] = protocol;
  bytes[link + words * 4 + 2] = port >> 8;
  bytes[link + words * 4 + 3] = port;
  return bytes;
}

function ipv6(next: number, { link = 14, port = 0 } = {}): Uint8Array {
  const bytes = new Uint8Array(link + 48);
  bytes[link] = 0x60;
  bytes[link + 6] = next;
  bytes[link + 42] = port >> 8;
  bytes[link + 43] = port;
  return bytes;
}

/** ICMP of this type about a packet of `quoted`, a protocol. */
function icmp4(type: number, quoted: number, words = 5): Uint8Array {
  const bytes = new Uint8Array(14 + words * 4 + 36);
  bytes.set(ipv4(1, { words }));
  bytes[14 + words * 4] = type;
  bytes[14 + words * 4 + 17] = quoted;
  return bytes;
}

function icmp6(type: number, quoted: number): Uint8Array {
  const bytes = new Uint8Array(14 + 40 + 56);
  bytes.set(ipv6(58));
  bytes[54] = type;
  bytes[54 + 14] = quoted;
  return bytes;
}

function input(bytes: Uint8Array, change: Partial<BpfInput> = {}): BpfInput {
  const link = change.hardwareType === NONE ? 0 : 14;
  const protocol = bytes[link] >> 4 === 4 ? 0x0800 : 0x86dd;
  return { bytes, protocol, packetType: 0, interfaceIndex: 3, hardwareType: ETHERNET, ...change };
}

function keeps(filter: CaptureFilter, packet: BpfInput): boolean {
  const kept = runBpf(compileFilter(filter), packet);
  expect([0, WHOLE_PACKET]).toContain(kept);
  return kept === WHOLE_PACKET;
}

describe("compileFilter()", () => {
  it.each([
    ["TCP over IPv4", input(ipv4(6)), true],
    ["TCP over IPv6", input(ipv6(6)), true],
    ["TCP behind IPv6 extension headers", input(ipv6(0)), true],
    ["IP in IP", input(ipv4(4)), true],
    ["IPv6 in IPv4", input(ipv4(41)), true],
    ["GRE", input(ipv4(47)), true],
    ["a VXLAN packet", input(ipv4(17, { port: 4789 })), true],
    ["a VXLAN packet behind IPv4 options", input(ipv4(17, { words: 7, port: 8472 })), true],
    ["a Geneve packet over IPv6", input(ipv6(17, { port: 6081 })), true],
    ["a fragment of UDP", input(ipv4(17, { fragment: 0x2000 })), true],
    ["a later fragment of UDP", input(ipv4(17, { fragment: 0x00b9 })), true],
    ["DNS", input(ipv4(17, { port: 53 })), false],
    ["QUIC over IPv6", input(ipv6(17, { port: 443 })), false],
    ["DNS with the don't-fragment bit", input(ipv4(17, { fragment: 0x4000, port: 53 })), false],
    ["a ping", input(icmp4(8, 6)), false],
    ["ICMP that says a TCP segment does not reach its destination", input(icmp4(3, 6)), true],
    ["the same behind IPv4 options", input(icmp4(3, 6, 7)), true],
    ["ICMP that says so of a UDP packet", input(icmp4(3, 17)), false],
    ["ICMP that ends before what it is about", input(icmp4(3, 6).subarray(0, 45)), false],
    ["a neighbour solicitation", input(icmp6(135, 6)), false],
    ["ICMPv6 that says a TCP segment does not reach its destination", input(icmp6(1, 6)), true],
    ["ICMPv6 that says so of a UDP packet", input(icmp6(1, 17)), false],
    ["ARP", input(ipv4(6), { protocol: 0x0806 }), false],
    ["a VLAN tag in the frame", input(ipv4(1), { protocol: 0x8100 }), true],
    ["TCP on an interface without link header", input(ipv4(6, { link: 0 }), { hardwareType: NONE }), true],
    ["DNS on an interface without link header", input(ipv4(17, { link: 0, port: 53 }), { hardwareType: NONE }), false],
    ["an unknown link header", input(ipv4(1), { hardwareType: 32 }), true],
    ["loopback, incoming", input(ipv4(6), { hardwareType: LOOPBACK }), true],
    ["loopback, outgoing", input(ipv4(6), { hardwareType: LOOPBACK, packetType: 4 }), false],
    ["outgoing elsewhere", input(ipv4(6), { packetType: 4 }), true],
    ["a packet that ends inside its header", input(ipv4(6).subarray(0, 20)), false],
  ])("%s", (_name, packet, kept) => {
    expect(keeps({}, packet)).toBe(kept);
  });

  it("keeps all UDP when asked", () => {
    expect(keeps({ udp: "all" }, input(ipv4(17, { port: 53 })))).toBe(true);
    expect(keeps({ udp: "all" }, input(ipv6(17, { port: 53 })))).toBe(true);
    expect(keeps({ udp: "all" }, input(ipv4(1)))).toBe(false);
  });

  it("keeps other tunnel ports when told", () => {
    expect(keeps({ tunnelPorts: [5555] }, input(ipv4(17, { port: 5555 })))).toBe(true);
    expect(keeps({ tunnelPorts: [5555] }, input(ipv4(17, { port: 4789 })))).toBe(false);
  });

  it("chooses interfaces as a plain set does", () => {
    const index = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }));
    const filters = fc.record(
      {
        interfaces: fc.array(index, { maxLength: 60 }),
        excludedInterfaces: fc.array(index, { maxLength: 20 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(filters, fc.array(index, { minLength: 1 }), (filter, probes) => {
        const code = compileFilter(filter);
        for (const interfaceIndex of [...probes, ...(filter.interfaces ?? []), ...(filter.excludedInterfaces ?? [])]) {
          const wanted =
            (filter.interfaces === undefined || filter.interfaces.includes(interfaceIndex)) && !(filter.excludedInterfaces ?? []).includes(interfaceIndex);
          expect(runBpf(code, input(ipv4(6), { interfaceIndex })) !== 0).toBe(wanted);
        }
      }),
      { numRuns: 200 },
    );
  });

  describe("for pods", () => {
    const POD = 0x0af4010b;
    const pods = [{ ipv4: POD, interfaceIndex: 4 }, { ipv4: 0xc0a80001, interfaceIndex: 5 }];
    const OUTGOING = 4;

    function segment(source: number, flags: number, words = 5): Uint8Array {
      const bytes = ipv4(6, { words });
      const whole = new Uint8Array(bytes.length + 20);
      whole.set(bytes);
      new DataView(whole.buffer).setUint32(14 + 12, source);
      whole[14 + words * 4 + 13] = flags;
      return whole;
    }

    it.each([
      ["a pod's packet that comes in by its own interface", input(segment(POD, 0x10), { interfaceIndex: 4 }), true],
      ["its copy on the way out to another pod", input(segment(POD, 0x10), { interfaceIndex: 5, packetType: OUTGOING }), false],
      ["its copy on the way out behind IPv4 options", input(segment(POD, 0x10, 8), { interfaceIndex: 5, packetType: OUTGOING }), false],
      ["the same packet coming in by another pod's interface: forged", input(segment(POD, 0x10), { interfaceIndex: 5 }), true],
      ["the pod's own packet that comes back to it by a service address", input(segment(POD, 0x10), { interfaceIndex: 4, packetType: OUTGOING }), true],
      ["a reset to another pod in its name", input(segment(POD, 0x14), { interfaceIndex: 5, packetType: OUTGOING }), true],
      ["a packet from outside on its way out to a pod", input(segment(0x08080808, 0x10), { interfaceIndex: 4, packetType: OUTGOING }), true],
      ["the same over IPv6", input(ipv6(6), { interfaceIndex: 5, packetType: OUTGOING }), true],
    ])("decides on %s", (_name, packet, kept) => {
      expect(keeps({ pods }, packet)).toBe(kept);
      expect(keeps({}, packet)).toBe(true);
    });

    it("finds each of as many as it takes, and drops no copies of more", () => {
      const many = Array.from({ length: MOST_PODS }, (_, i) => ({ ipv4: (POD + i * 7_919_000) >>> 0, interfaceIndex: 10 + i }));
      const code = compileFilter({ pods: many, excludedInterfaces: [2] });
      for (const { ipv4: address, interfaceIndex } of many) {
        const copy = segment(address, 0x18);
        expect(runBpf(code, input(copy, { interfaceIndex: 3, packetType: OUTGOING }))).toBe(0);
        expect(runBpf(code, input(copy, { interfaceIndex, packetType: OUTGOING }))).toBe(WHOLE_PACKET);
        expect(runBpf(code, input(segment(address + 1, 0x18), { interfaceIndex: 3, packetType: OUTGOING }))).toBe(WHOLE_PACKET);
      }
      const tooMany = [...many, { ipv4: 1, interfaceIndex: 9 }];
      expect(keeps({ pods: tooMany }, input(segment(POD, 0x18), { interfaceIndex: 3, packetType: OUTGOING }))).toBe(true);
    });
  });

  it("agrees with a naive reading of random packets", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0, maxLength: 90 }),
        fc.constantFrom(0x0800, 0x86dd, 0x8100, 0x88a8, 0x0806, 0x88cc),
        fc.constantFrom(ETHERNET, LOOPBACK, NONE, 32),
        fc.constantFrom(0, 1, 3, 4),
        fc.constantFrom(6, 17, 58, 1, 41, 255),
        (bytes, protocol, hardwareType, packetType, carried) => {
          const link = hardwareType === NONE ? 0 : 14;
          const at = link + (protocol === 0x0800 ? 9 : 6);
          if (at < bytes.length) bytes[at] = carried;
          const packet: BpfInput = { bytes, protocol, packetType, interfaceIndex: 1, hardwareType };
          expect(keeps({}, packet)).toBe(naive(packet));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("refuses more interfaces than the kernel's program size allows", () => {
    const interfaces = Array.from({ length: 2000 }, (_, index) => index * 2);
    expect(() => compileFilter({ interfaces })).toThrow(RangeError);
    expect(() => compileFilter({ interfaces })).toThrow(String(MAX_INSTRUCTIONS));
    expect(compileFilter({ interfaces: interfaces.slice(0, 650) }).length / 8).toBeLessThanOrEqual(MAX_INSTRUCTIONS);
  });
});

function naive({ bytes, protocol, packetType, hardwareType }: BpfInput): boolean {
  if (hardwareType === LOOPBACK && packetType === 4) return false;
  if (protocol !== 0x0800 && protocol !== 0x86dd) return protocol === 0x8100 || protocol === 0x88a8;
  if (hardwareType === 32) return true;
  const ip = bytes.subarray(hardwareType === NONE ? 0 : 14);
  const half = (offset: number): number => (offset + 2 > ip.length ? -1 : ip[offset] * 256 + ip[offset + 1]);
  if (protocol === 0x86dd) {
    if (ip.length < 7 || [58, 50, 132, 59].includes(ip[6])) return false;
    return ip[6] !== 17 || TUNNEL_PORTS.includes(half(42));
  }
  if (ip.length < 10) return false;
  if ([4, 6, 41, 47].includes(ip[9])) return true;
  return ip[9] === 17 && ((half(6) & 0x3fff) !== 0 || TUNNEL_PORTS.includes(half((ip[0] & 15) * 4 + 2)));
}
