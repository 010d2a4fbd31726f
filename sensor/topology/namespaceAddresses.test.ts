import { describe, expect, test } from "vitest";
import { formatAddress } from "../decode/mod.ts";
import type { LocalAddress } from "./address.ts";
import { NamespaceAddresses } from "./namespaceAddresses.ts";
import { bridgeWorld, words } from "./world.fixture.ts";

/** Pods 4 and 5 of the bridge world have namespaces 4 and 5; interface 2 is the far half in each. */
const [pod, otherPod] = [4, 5].map((index) => bridgeWorld().state.links.get(index)!) as [ReturnType<typeof linkOf>, ReturnType<typeof linkOf>];
function linkOf() {
  return bridgeWorld().state.links.get(4)!;
}

function address(interfaceIndex: number, text: string): LocalAddress {
  return { interfaceIndex, words: words(text), prefixLength: 24, alone: false };
}

class Asked {
  readonly namespaces: number[] = [];
  answer: LocalAddress[] | undefined = [address(1, "127.0.0.1"), address(2, "10.244.1.11")];
  readonly addresses = new NamespaceAddresses((namespace) => {
    this.namespaces.push(namespace);
    return this.answer;
  });

  get claims(): [string, number][] {
    return this.addresses.claims.map(({ words: at, interfaceIndex }) => [formatAddress(at[0]!, at[1]!, at[2]!, at[3]!), interfaceIndex]);
  }
}

describe("NamespaceAddresses", () => {
  test("takes the addresses of the far half of the interface only", () => {
    const asked = new Asked();
    expect(asked.addresses.follow([pod], 0)).toBe(true);
    expect([asked.namespaces, asked.claims]).toEqual([[4], [["10.244.1.11", 4]]]);
  });

  test.each([
    ["one without an address is asked every 40 ms in its first seconds, then ever more seldom", [address(2, "fe80::1")], [0, 40, 80, 120, 160]],
    ["one that has an address is asked again soon, then ever more seldom", [address(2, "10.244.1.12")], [0, 40, 120, 280, 600]],
  ])("%s; an address that comes late is heard of", (_name, answer, first) => {
    const asked = new Asked();
    asked.answer = answer;
    const askedAt: number[] = [];
    for (let nowMs = 0; nowMs <= 100_000; nowMs += 20) {
      const before = asked.namespaces.length;
      asked.addresses.follow([pod], nowMs);
      if (asked.namespaces.length > before) askedAt.push(nowMs);
    }
    expect(askedAt.slice(0, 5)).toEqual(first);
    expect(askedAt.length).toBeLessThan(140);
    expect(askedAt.at(-1)! - askedAt.at(-2)!).toBe(30_000);
    asked.answer = [address(2, "10.244.1.11")];
    expect(asked.addresses.follow([pod], 200_000)).toBe(true);
    expect(asked.claims).toEqual([["10.244.1.11", 4]]);
  });

  test("forgets a pod whose interface is gone, and asks at once one that has changed", () => {
    const asked = new Asked();
    asked.addresses.follow([pod], 0);
    expect(asked.addresses.follow([{ ...pod, peerNamespace: 9 }], 1)).toBe(false);
    expect(asked.namespaces).toEqual([4, 9]);
    expect(asked.addresses.follow([{ ...pod, peerNamespace: 9, mtu: 9_000 }], 2)).toBe(false);
    expect(asked.namespaces).toEqual([4, 9]);
    expect(asked.addresses.follow([], 3)).toBe(true);
    expect(asked.claims).toEqual([]);
  });

  test("lets a namespace rest that it may not ask, and takes back what it knew of it", () => {
    const asked = new Asked();
    asked.addresses.follow([pod, otherPod], 0);
    asked.answer = undefined;
    expect(asked.addresses.follow([pod, otherPod], 40)).toBe(true);
    expect(asked.claims).toEqual([]);
    asked.addresses.follow([pod, otherPod], 29_000);
    expect(asked.namespaces).toEqual([4, 5, 4, 5]);
  });

  test("asks 64 in one round at most", () => {
    const asked = new Asked();
    const pods = Array.from({ length: 100 }, (_, i) => ({ ...pod, index: 10 + i, peerNamespace: 10 + i }));
    asked.addresses.follow(pods, 0);
    expect(asked.namespaces).toHaveLength(64);
    asked.addresses.follow(pods, 1);
    expect(new Set(asked.namespaces).size).toBe(100);
  });
});
