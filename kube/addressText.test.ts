import ipaddr from "ipaddr.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressText } from "./mod.ts";

describe("an address as an API server writes it", () => {
  it.each([
    ["10.0.0.7", "10.0.0.7"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["fd00:0:0:1:0:0:0:0", "fd00:0:0:1::"],
    ["::", "::"],
    ["fe80::1%eth0", undefined],
    ["10.0.0", undefined],
    ["node-1", undefined],
    ["", undefined],
  ])("%j is %j", (text, written) => expect(addressText(text)).toBe(written));

  it("is the same however it was spelled, and what RFC 5952 says", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 }), (parts) => {
        const address = new ipaddr.IPv6(parts);
        fc.pre(!address.isIPv4MappedAddress());
        for (const text of [address.toString(), address.toNormalizedString(), address.toNormalizedString().toUpperCase()]) expect(addressText(text)).toBe(address.toRFC5952String());
      }),
    );
  });
});
