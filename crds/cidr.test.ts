import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cidr, ipAddress } from "./cidr.ts";
import { parseCidr, wordMask } from "./values/mod.ts";

describe("parseCidr()", () => {
  it.each([
    ["10.0.0.0/8", 4, 8, [0, 0, 0xffff, 0x0a000000]],
    ["255.255.255.255/32", 4, 32, [0, 0, 0xffff, -1]],
    ["0.0.0.0/0", 4, 0, [0, 0, 0xffff, 0]],
    ["2001:db8::/32", 6, 32, [0x20010db8, 0, 0, 0]],
    ["::/0", 6, 0, [0, 0, 0, 0]],
    ["::1/128", 6, 128, [0, 0, 0, 1]],
    ["FE80::/10", 6, 10, [0xfe800000 | 0, 0, 0, 0]],
    ["2001:db8:0:0:0:0:0:1/128", 6, 128, [0x20010db8, 0, 0, 1]],
  ])("reads %s", (text, family, prefix, words) => {
    expect(parseCidr(text)).toEqual({ family, prefix, words });
    expect(cidr.safeParse(text).success).toBe(true);
  });

  it.each([
    ["10.0.0.5/8", "bits below the prefix"],
    ["2001:db8::1/32", "bits below the prefix"],
    ["10.0.0.0", "no prefix length"],
    ["10.0.0.0/33", "a prefix too long"],
    ["::/129", "a prefix too long"],
    ["10.0.0.0/-1", "a sign"],
    ["10.0.0.0/08", "a leading zero in the prefix"],
    ["10.0.0.0/", "no digits"],
    ["10.0.0.0/8/8", "two prefixes"],
    ["10.0.0.0/255.0.0.0", "a mask"],
    ["010.0.0.0/8", "octal"],
    ["0x0a.0.0.0/8", "hexadecimal"],
    ["10.0/16", "parts missing"],
    ["167772160/8", "one number"],
    ["256.0.0.0/8", "a part too large"],
    ["1.2.3.4.5/32", "a part too many"],
    ["::ffff:10.0.0.0/104", "the mapped form"],
    ["::ffff:a00:0/104", "the mapped form in words"],
    ["fe80::1%eth0/128", "a zone"],
    ["1::2::3/128", "two gaps"],
    [":::/0", "three colons"],
    ["12345::/16", "a group too long"],
    [" 10.0.0.0/8", "a blank"],
    ["10.0.0.0/8\n", "a line end"],
    ["１０.0.0.0/8", "wide digits"],
    ["example.com/8", "a name"],
    ["", "nothing"],
    [`${"0:".repeat(40)}:/0`, "endless text"],
  ])("refuses %j: %s", (text) => {
    expect(parseCidr(text)).toBeUndefined();
    expect(cidr.safeParse(text).success).toBe(false);
  });

  it("reads back every network that is written with its prefix", () => {
    const network = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }));
    fc.assert(
      fc.property(network, ([address, prefix]) => {
        const value = address.split(".").reduce((sum, part) => (sum << 8) | Number(part), 0) & wordMask(prefix);
        const text = [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
        expect(parseCidr(`${text}/${prefix}`)).toEqual({ family: 4, prefix, words: [0, 0, 0xffff, value] });
        expect(parseCidr(`${address}/${prefix}`) === undefined).toBe(text !== address);
      }),
    );
  });
});

describe("ipAddress", () => {
  it.each([
    ["10.244.1.7", true],
    ["2001:db8::7", true],
    ["127.0.0.1", true],
    ["0.0.0.0", false],
    ["::", false],
    ["255.255.255.255", false],
    ["224.0.0.1", false],
    ["ff02::1", false],
    ["10.0.0.1/32", false],
    ["::ffff:10.0.0.1", false],
    ["10.0.0", false],
    ["localhost", false],
  ])("takes %s: %s", (text, good) => expect(ipAddress.safeParse(text).success).toBe(good));
});
