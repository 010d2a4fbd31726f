/** IPv4 and IPv6 addresses and CIDRs in a schema; `values/address.ts` says how they are written. */
import ipaddr from "ipaddr.js";
import { z } from "zod";
import { checkedText } from "./checkedText.ts";
import { setOf } from "./kubernetesFields.ts";
import { MAX_CIDRS } from "./limits.ts";
import { hasHostBits, MAX_CIDR_TEXT, parseAddress, splitCidr } from "./values/mod.ts";

const EXPECTED = "an address and prefix length such as 10.0.0.0/8 or 2001:db8::/32";

function complaintOfCidr(text: string): string | undefined {
  const parts = splitCidr(text);
  if (parts !== undefined) {
    if (!hasHostBits(parts.address, parts.prefix)) return undefined;
    const network = parts.address.family === 4 ? ipaddr.IPv4.networkAddressFromCIDR(text) : ipaddr.IPv6.networkAddressFromCIDR(text);
    const host = text.slice(0, text.indexOf("/"));
    return `no bits below the prefix, ${network.toString()}/${parts.prefix} or ${host}/${parts.address.prefix}`;
  }
  const single = parseAddress(text);
  return single === undefined ? EXPECTED : `a prefix length, ${text}/${single.prefix} for this one address`;
}

export const cidr = checkedText({
  noun: "a CIDR",
  expected: EXPECTED,
  maxLength: MAX_CIDR_TEXT,
  complaint: complaintOfCidr,
  cel: [
    { rule: "isCIDR(self)", expected: EXPECTED },
    { rule: "!isCIDR(self) || cidr(self).masked() == cidr(self)", expected: "no bits below the prefix" },
  ],
});

export const cidrs = setOf(z.array(cidr).max(MAX_CIDRS));

const EXPECTED_ADDRESS = "one such as 10.244.1.7 or 2001:db8::7";
const EXPECTED_UNICAST = "an address that a connection can have";

export const ipAddress = checkedText({
  noun: "an IP address",
  expected: EXPECTED_ADDRESS,
  maxLength: 39,
  complaint: (text) => {
    const address = parseAddress(text);
    if (address === undefined) return EXPECTED_ADDRESS;
    return isUnicast(text) ? undefined : EXPECTED_UNICAST;
  },
  cel: [
    { rule: "isIP(self)", expected: EXPECTED_ADDRESS },
    {
      rule: "!isIP(self) || (!self.startsWith('0.') && (ip(self).isGlobalUnicast() || ip(self).isLoopback() || ip(self).isLinkLocalUnicast()))",
      expected: EXPECTED_UNICAST,
    },
  ],
});

function isUnicast(text: string): boolean {
  const range = ipaddr.parse(text).range();
  return range !== "unspecified" && range !== "multicast" && range !== "broadcast";
}
