import { describe, expect, it } from "vitest";
import { countsSince, directionsOf, isHalfBlind, parseInterfaceCounts } from "./coverage.ts";
import type { InterfaceCounts, SeenConnection } from "./coverage.ts";

const counts = (name: string, fromPod: number, toPod: number): InterfaceCounts => ({ name, fromPod, toPod });
const connection = (more: Partial<SeenConnection> = {}): SeenConnection => ({ fromPod: 40, toPod: 40, isEstablished: true, ...more });

describe("an interface is half-blind", () => {
  it.each<[string, InterfaceCounts, SeenConnection[], boolean]>([
    ["where packets to the pod were seen elsewhere only", counts("veth0", 500, 2), [connection()], true],
    ["where an established connection shows one way alone", counts("veth0", 500, 2), [connection({ toPod: 0, fromPod: 60 })], true],
    ["the other way round", counts("veth0", 2, 500), [connection()], true],
    ["not where both directions show", counts("veth0", 500, 300), [connection()], false],
    ["not where a receiver of bulk data acknowledges seldom", counts("veth0", 60, 1_000), [connection()], false],
    ["not where a pod sends and hears nothing by UDP", counts("veth0", 500, 0), [], false],
    ["not by a connection that never was", counts("veth0", 500, 0), [connection({ isEstablished: false })], false],
    ["not after a few packets", counts("veth0", 20, 0), [connection()], false],
  ])("%s", (_, interfaceCounts, connections, expected) => {
    expect(isHalfBlind(interfaceCounts, connections)).toBe(expected);
  });

  it("judged by what has passed since the last look, and anew for another interface of the name", () => {
    const before = counts("veth0", 1_000, 1_000);
    expect(countsSince(counts("veth0", 1_500, 1_001), before)).toEqual(counts("veth0", 500, 1));
    expect(countsSince(counts("veth0", 500, 400), before)).toEqual(counts("veth0", 500, 400));
    expect([directionsOf(counts("veth0", 500, 1)), directionsOf(counts("veth0", 500, 400)), directionsOf(counts("veth0", 5, 0))]).toEqual(["One", "Both", "TooFew"]);
  });
});

it("reads the kernel's table", () => {
  const table = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  100     10    0    0    0     0          0         0      100      10    0    0    0     0       0          0
veth12ab: 9000     90    0    0    0     0          0         0     7000      70    0    0    0     0       0          0
`;
  expect(parseInterfaceCounts(table)).toEqual([counts("lo", 10, 10), counts("veth12ab", 90, 70)]);
});
