import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { expect, test } from "vitest";
import { formatAddress, formatEndpoint, parseAddress } from "./address.ts";

function format(words: ArrayLike<number>): string {
  return formatAddress(words[0]!, words[1]!, words[2]!, words[3]!);
}

const rows: readonly [string, string][] = [
  ["10.0.0.1", "10.0.0.1"],
  ["255.255.255.255", "255.255.255.255"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["0:0:1:0:0:0:1:0", "0:0:1::1:0"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::ffff:c000:201", "192.0.2.1"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
];
test.each(rows)("parseAddress(%s) is printed as %s (RFC 5952)", (text, printed) => {
  expect(format(parseAddress(text)!)).toBe(printed);
});

const refused = [
  "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.", "1.2.3.4 ", "0x7f.0.0.1", ":", ":::", "1::2::3", "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "g::", "fe80::1%eth0", "::1.2.3", "::1.2.3.4:5", "1:", ":1", "1:2:3:4:5:6:7:1.2.3.4",
];
test.each(refused)("parseAddress(%j) is null", (text) => {
  expect(parseAddress(text)).toBeNull();
});

test("every address survives printing and parsing, and ipaddr.js prints it alike", () => {
  const word = fc.oneof(fc.integer(), fc.constantFrom(0, 1, 0x10000, 0xffff));
  fc.assert(
    fc.property(fc.tuple(word, word, word, word), (words) => {
      const text = format(words);
      expect([...parseAddress(text)!]).toEqual(words);
      if (text.includes(":")) {
        const bytes = new DataView(new ArrayBuffer(16));
        for (let index = 0; index < 4; index++) bytes.setInt32(index * 4, words[index]!);
        expect(text).toBe(new ipaddr.IPv6([...new Uint8Array(bytes.buffer)]).toRFC5952String());
      }
    }),
    { numRuns: 500 },
  );
});

test("formatEndpoint() puts IPv6 in brackets", () => {
  expect(formatEndpoint(0, 0, 0xffff, 0x0a000001, 80)).toBe("10.0.0.1:80");
  expect(formatEndpoint(0, 0, 0, 1, 443)).toBe("[::1]:443");
});
