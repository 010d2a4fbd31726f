import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAddress } from "../decode/mod.ts";
import { runBpf } from "./bpfMachine.fixture.ts";
import { compileFilter } from "./filter.ts";
import { LOCAL_PREFIX_LIMIT, workerOf } from "./share.ts";
import type { LocalPrefix } from "./share.ts";

const ETHERNET = 1;
const NO_LINK_HEADER = 0xfffe;
const UNKNOWN_LINK_HEADER = 32;

const prefix = (text: string, prefixLength: number): LocalPrefix => ({ words: parseAddress(text)!, prefixLength });
const LOCAL = [prefix("10.244.1.1", 96 + 24), prefix("198.51.100.1", 128), prefix("fd00:244:1::1", 64), prefix("2001:db8:100::1", 128)];

function packet(source: string, destination: string, link = 14): Uint8Array {
  const [from, to] = [source, destination].map((text) => [...parseAddress(text)!].flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]));
  const isIpv4 = !source.includes(":");
  const bytes = new Uint8Array(link + 60);
  bytes[link] = isIpv4 ? 0x45 : 0x60;
  bytes[link + (isIpv4 ? 9 : 6)] = 6;
  bytes.set(isIpv4 ? from!.slice(12) : from!, link + (isIpv4 ? 12 : 8));
  bytes.set(isIpv4 ? to!.slice(12) : to!, link + (isIpv4 ? 16 : 24));
  return bytes;
}

/** Which of the Workers take it. */
function takers(source: string, destination: string, workers: number, { hardwareType = ETHERNET, interfaceIndex = 1, local = LOCAL }: { hardwareType?: number; interfaceIndex?: number; local?: readonly LocalPrefix[] } = {}): number[] {
  const bytes = packet(source, destination, hardwareType === NO_LINK_HEADER ? 0 : 14);
  const input = { bytes, protocol: source.includes(":") ? 0x86dd : 0x0800, packetType: 0, interfaceIndex, hardwareType };
  return Array.from({ length: workers }, (_, worker) => worker).filter((worker) => runBpf(compileFilter({ share: { worker, workers, local } }), input) !== 0);
}

const octet = fc.integer({ min: 1, max: 254 });
const pod = octet.map((last) => `10.244.1.${last}`);
const pod6 = octet.map((last) => `fd00:244:1::${last.toString(16)}`);
const far = fc.tuple(octet, octet, octet).map(([b, c, d]) => `203.${b}.${c}.${d}`);
const far6 = fc.tuple(octet, octet).map(([a, b]) => `2a00:${a.toString(16)}::${b.toString(16)}`);

describe("several Workers", () => {
  it.each([["two pods", pod, pod], ["a pod and a machine far away", pod, far], ["two machines", far, far], ["two pods, IPv6", pod6, pod6], ["a pod and a machine, IPv6", pod6, far6]])(
    "one and the same takes both directions, at every interface: %s",
    (_name, one, other) => {
      fc.assert(fc.property(one, other, fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 99 }), (a, b, workers, interfaceIndex) => {
        const there = takers(a, b, workers, { interfaceIndex });
        expect(there).toHaveLength(1);
        expect(takers(b, a, workers, { hardwareType: NO_LINK_HEADER })).toEqual(there);
        expect(workerOf(parseAddress(a)!, parseAddress(b)!, workers, LOCAL)).toBe(there[0]);
      }), { numRuns: 40 });
    },
  );

  it.each([["198.51.100.1", far, pod], ["2001:db8:100::1", far6, pod6]])("masquerade by %s, and a way in to a pod by it, leave both tuples with one Worker", (node, machines, pods) => {
    fc.assert(fc.property(pods, machines, (inner, outer) => {
      const byPod = takers(inner, outer, 4);
      expect([takers(node, outer, 4), takers(outer, node, 4), takers(outer, inner, 4)]).toEqual([byPod, byPod, byPod]);
    }), { numRuns: 40 });
  });

  it.each([["IPv4", "10.244.1.", "203.0.113."], ["IPv6", "fd00:244:1::", "2a00::"]])("each get a share: %s", (_name, here, there) => {
    const shares = [0, 0, 0, 0];
    for (let a = 10; a < 50; a++) for (const b of [10, 11, 25]) shares[takers(here + a, (a % 2 === 0 ? here : there) + (a + b), 4)[0]!]++;
    expect(Math.min(...shares)).toBeGreaterThan(10);
  });

  it("leave to the first what the filter cannot read", () => {
    expect(takers("10.244.1.7", "203.0.113.9", 3, { hardwareType: UNKNOWN_LINK_HEADER })).toEqual([0]);
  });

  it("have room for as many single addresses as the limit says, of each family, beside hundreds of interfaces", () => {
    const local = Array.from({ length: 2 * LOCAL_PREFIX_LIMIT }, (_, i) => [prefix(`192.0.2.${i}`, 128), prefix(`2001:db8::${i.toString(16)}`, 128)]).flat();
    expect(takers("192.0.2.63", "203.0.113.9", 2, { local })).toEqual(takers("192.0.2.1", "203.0.113.9", 2, { local }));
    const interfaces = Array.from({ length: 250 }, (_, i) => 2 * i);
    expect(() => compileFilter({ interfaces, share: { worker: 1, workers: 2, local } })).not.toThrow();
  });
});
