import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, it } from "vitest";
import { parseAddress } from "../../crds/mod.ts";
import { buildAddressTable, rowOfAddress } from "./addresses.ts";
import { cidrsToRanges } from "./cidr.ts";
import { has, SetList } from "./membership.ts";
import { ALL_ADDRESSES, subtract } from "./ranges.ts";

function isIn(cidrs: readonly string[], address: string): boolean {
  const table = buildAddressTable([cidrsToRanges(cidrs)]);
  return has(table, rowOfAddress(table, Int32Array.from(parseAddress(address)!.words), 0), 0);
}

describe("address table", () => {
  const cases: readonly (readonly [boolean, readonly string[], string])[] = [
    // both sides of both borders
    [false, ["10.1.2.0/24"], "10.1.1.255"],
    [true, ["10.1.2.0/24"], "10.1.2.0"],
    [true, ["10.1.2.0/24"], "10.1.2.255"],
    [false, ["10.1.2.0/24"], "10.1.3.0"],
    // the sign bit of a word is no order
    [true, ["128.0.0.0/1"], "128.0.0.0"],
    [false, ["128.0.0.0/1"], "127.255.255.255"],
    [true, ["128.0.0.0/1"], "255.255.255.255"],
    [true, ["0.0.0.0/0"], "0.0.0.0"],
    // families never mix
    [false, ["0.0.0.0/0"], "::1"],
    [false, ["::/0"], "192.0.2.1"],
    [true, ["::/0"], "::fffe:0:0"],
    [true, ["::/0"], "::1:0:0:0"],
    [true, ["::/0"], "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    [true, ["2001:db8::/64"], "2001:db8::ffff:ffff:ffff:ffff"],
    [false, ["2001:db8::/64"], "2001:db8:0:1::"],
    // one address
    [true, ["192.0.2.7/32"], "192.0.2.7"],
    [false, ["192.0.2.7/32"], "192.0.2.8"],
    // lists
    [true, ["10.0.0.0/8", "192.0.2.0/24"], "192.0.2.9"],
    [false, [], "192.0.2.9"],
  ];
  for (const [expected, cidrs, address] of cases) it(`${address} is ${expected ? "in" : "not in"} [${cidrs.join(", ")}]`, () => expect(isIn(cidrs, address)).toBe(expected));

  it("takes the excepted part out of a set", () => {
    const table = buildAddressTable([subtract(cidrsToRanges(["10.0.0.0/8"]), cidrsToRanges(["10.1.0.0/16"]))]);
    const row = (address: string) => rowOfAddress(table, Int32Array.from(parseAddress(address)!.words), 0);
    expect(["10.0.255.255", "10.1.0.0", "10.1.255.255", "10.2.0.0"].map((address) => has(table, row(address), 0))).toEqual([true, false, false, true]);
  });

  it("agrees with ipaddr.js on random sets of nested CIDRs", () => {
    const cidr4 = fc.tuple(fc.constantFrom(10, 11, 128, 255), fc.nat(3), fc.nat(255), fc.nat(32)).map(([a, b, c, prefix]) => network4(`${a}.${b}.${c}.0`, prefix));
    const cidr6 = fc.tuple(fc.constantFrom("2001:db8", "fe80", "ffff:ffff"), fc.nat(128)).map(([head, prefix]) => network6(`${head}::1`, prefix));
    const address = fc.oneof(
      fc.tuple(fc.constantFrom(10, 11, 12, 127, 128, 255), fc.nat(4), fc.nat(255), fc.constantFrom(0, 1, 255)).map((parts) => parts.join(".")),
      fc.tuple(fc.constantFrom("2001:db8", "fe80", "ffff:ffff", "::"), fc.constantFrom("", "1", "ffff")).map(([head, tail]) => ipaddr.IPv6.parse(head === "::" ? `::${tail}` : `${head}::${tail}`).toString()),
    );
    fc.assert(
      fc.property(fc.array(fc.array(fc.oneof(cidr4, cidr6), { maxLength: 4 }), { minLength: 1, maxLength: 40 }), fc.array(address, { minLength: 1, maxLength: 20 }), (lists, addresses) => {
        const table = buildAddressTable(lists.map(cidrsToRanges));
        for (const text of addresses) {
          const row = rowOfAddress(table, Int32Array.from(parseAddress(text)!.words), 0);
          const expected = lists.map((list) => list.some((cidr) => matches(text, cidr)));
          expect(lists.map((_, set) => has(table, row, set))).toEqual(expected);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("SetList", () => {
  it("gives equal sets one number and everything the number -1", () => {
    const list = new SetList(ALL_ADDRESSES);
    expect(list.add(cidrsToRanges(["10.0.0.0/9", "10.128.0.0/9"]))).toBe(0);
    expect(list.add(cidrsToRanges(["10.0.0.0/8"]))).toBe(0);
    expect(list.add(cidrsToRanges(["::/0", "0.0.0.0/0"]))).toBe(-1);
    expect(list.add(cidrsToRanges([]))).toBe(1);
  });
});

function matches(address: string, cidr: string): boolean {
  const parsed = ipaddr.parse(address);
  const [network, prefix] = ipaddr.parseCIDR(cidr);
  return parsed.kind() === network.kind() && parsed.match([network, prefix] as never);
}

function network4(address: string, prefix: number): string {
  return `${ipaddr.IPv4.networkAddressFromCIDR(`${address}/${prefix}`).toString()}/${prefix}`;
}

function network6(address: string, prefix: number): string {
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/${prefix}`).toString()}/${prefix}`;
}
