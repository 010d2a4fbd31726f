import { describe, expect, test } from "vitest";
import { formatAddress } from "../decode/mod.ts";
import { describeInterfaces } from "./interfaces.ts";
import { HOME_LIMIT } from "./limits.ts";
import type { Claim } from "./namespaceAddresses.ts";
import { placeAddresses, podHomes } from "./placement.ts";
import type { World } from "./world.fixture.ts";
import { bridgeWorld, routedWorld, words } from "./world.fixture.ts";

function homes(world: World, captured: (name: string) => boolean = () => true, claims: readonly Claim[] = []): Record<string, number> {
  const interfaces = describeInterfaces(world.state).filter(({ name }) => captured(name));
  const { placements } = placeAddresses(world.state, interfaces, claims);
  const own = placements.filter(({ home, local }) => home !== 0 && !local);
  return Object.fromEntries(own.map(({ words: at, home }) => [formatAddress(at[0]!, at[1]!, at[2]!, at[3]!), home]));
}

describe("placeAddresses()", () => {
  test("finds a pod behind its bridge by its neighbour and forwarding entries", () => {
    const world = bridgeWorld().neighbour(2, "10.244.1.11", "aa").forwarding(2, "aa", 4).neighbour(2, "10.244.1.12", "bb").forwarding(2, "bb", 5);
    expect(homes(world)).toEqual({ "10.244.1.11": 4, "10.244.1.12": 5 });
  });

  test("finds a pod by its host route, and a neighbour where the route leads", () => {
    const world = routedWorld().neighbour(4, "10.244.1.11", "aa").route("10.244.9.0/24", 5).neighbour(5, "10.244.9.7", "bb");
    expect(homes(world)).toEqual({ "10.244.1.11": 4, "10.244.1.12": 5, "10.244.9.7": 5 });
  });

  test("does the same for IPv6", () => {
    const world = routedWorld().route("fd00:244:1::11/128", 4).route("fd00:7::/64", 5).neighbour(5, "fd00:7::1", "cc");
    expect(homes(world)).toMatchObject({ "fd00:244:1::11": 4, "fd00:7::1": 5 });
  });

  test.each<[string, World]>([
    ["a neighbour on another pod's interface than the route's", routedWorld().neighbour(4, "10.244.1.12", "aa")],
    ["a neighbour behind the uplink that a pod claims on its own link", routedWorld().neighbour(4, "198.51.100.9", "aa").neighbour(4, "203.0.113.7", "aa")],
  ])("does not believe in %s", (_, world) => {
    expect(homes(world)).toEqual({ "10.244.1.11": 4, "10.244.1.12": 5 });
  });

  test.each<[string, World]>([
    ["without a forwarding entry", bridgeWorld().neighbour(2, "10.244.1.11", "aa")],
    ["whose hardware address is behind the uplink", bridgeWorld().neighbour(2, "10.244.1.11", "aa").forwarding(2, "aa", 3)],
    ["on the uplink", bridgeWorld().neighbour(3, "198.51.100.9", "aa")],
    ["that is multicast", bridgeWorld().route("224.0.0.0/4", 4).neighbour(4, "224.0.0.22", "aa").route("ff00::/8", 4).neighbour(4, "ff02::1", "aa")],
    ["that is link-local", bridgeWorld().route("fe80::/64", 4).neighbour(4, "fe80::1", "aa")],
    ["behind an interface that is not captured", bridgeWorld().neighbour(2, "10.244.1.11", "aa").forwarding(2, "aa", 4)],
  ])("gives no home to a neighbour %s", (_, world) => {
    expect(homes(world, (name) => name !== "vclient")).toEqual({});
  });

  const claim = (address: string, interfaceIndex: number) => ({ words: words(address), interfaceIndex });

  test("believes the one pod that has the address in its own namespace, against the neighbour table", () => {
    const poisoned = bridgeWorld().neighbour(2, "10.244.1.11", "bb").forwarding(2, "bb", 5);
    expect(homes(poisoned)).toEqual({ "10.244.1.11": 5 });
    expect(homes(poisoned, undefined, [claim("10.244.1.11", 4)])).toEqual({ "10.244.1.11": 4 });
  });

  test("believes neither of two pods that have the same address, nor the neighbour table then", () => {
    const world = bridgeWorld().neighbour(2, "10.244.1.11", "bb").forwarding(2, "bb", 5);
    expect(homes(world, undefined, [claim("10.244.1.11", 4), claim("10.244.1.11", 5)])).toEqual({});
  });

  test("believes a host route against a pod's own word, and no pod that has an address from outside", () => {
    expect(homes(routedWorld(), undefined, [claim("10.244.1.12", 4), claim("203.0.113.7", 4), claim("198.51.100.9", 4), claim("fe80::1", 4)]))
      .toEqual({ "10.244.1.11": 4, "10.244.1.12": 5 });
  });

  test("a host route with a gateway, or in a table that the main one overrules, makes no home", () => {
    expect(homes(routedWorld().route("192.0.2.1/32", 4, "10.244.1.11"))).not.toHaveProperty("192.0.2.1");
    const overruled = routedWorld().route("192.0.2.2/32", 4, "", 100).route("192.0.2.2/32", 3);
    expect(homes(overruled)).not.toHaveProperty("192.0.2.2");
    expect(homes(routedWorld().route("192.0.2.3/32", 4, "", 100))).toMatchObject({ "192.0.2.3": 4 });
  });

  test("marks this machine's own addresses, next hops and the far ends of tunnels", () => {
    const world = bridgeWorld().link(8, "vxlan0", { driver: "vxlan" }).forwarding(0, "cc", 8, "198.51.100.2").address(4, "169.254.1.1/32");
    const { placements } = placeAddresses(world.state, describeInterfaces(world.state));
    const marked = placements.map(({ words: at, home, local, gateway }) => [formatAddress(at[0]!, at[1]!, at[2]!, at[3]!), home, local, gateway]);
    expect(marked).toEqual([
      ["127.0.0.1", 1, true, false],
      ["10.244.1.1", 2, true, false],
      ["198.51.100.1", 3, true, false],
      ["169.254.1.1", 0, true, false],
      ["198.51.100.9", 0, false, true],
      ["198.51.100.2", 0, false, true],
    ]);
  });

  test("an address of this machine is never a pod's", () => {
    expect(homes(bridgeWorld().route("10.244.1.1/32", 4).neighbour(2, "198.51.100.1", "aa").forwarding(2, "aa", 4))).toEqual({});
  });

  test("refuses and counts what is beyond its limit", () => {
    const world = routedWorld();
    for (let i = 0; i < HOME_LIMIT; i++) world.route(`10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32`, 4);
    const { placements, refused } = placeAddresses(world.state, describeInterfaces(world.state));
    expect(placements).toHaveLength(HOME_LIMIT);
    expect(refused).toBe(5); // Two of ours and two pods came first; one next hop came last.
  });
});

describe("podHomes()", () => {
  test("names the IPv4 addresses behind pods' interfaces, and neither the machine's own nor the outside's", () => {
    const world = routedWorld().route("fd00:244:1::11/128", 4).neighbour(3, "198.51.100.9", "aa");
    const interfaces = describeInterfaces(world.state);
    expect(podHomes(interfaces, placeAddresses(world.state, interfaces).placements)).toEqual([
      { ipv4: 0x0af4010b, interfaceIndex: 4 },
      { ipv4: 0x0af4010c, interfaceIndex: 5 },
    ]);
  });
});
