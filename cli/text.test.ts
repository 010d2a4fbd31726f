import fc from "fast-check";
import { expect, test } from "vitest";
import { formatEndpoint, parseEndpoint } from "./endpoint.ts";
import { printable } from "./printable.ts";
import { formatAge, formatBytes, formatCount, formatMicroseconds } from "./quantity.ts";
import { paint } from "./style.ts";
import { tableLines } from "./table.ts";

test.each([
  ["10.0.0.1", { ip: "10.0.0.1" }],
  ["10.0.0.1:443", { ip: "10.0.0.1", port: 443 }],
  ["10.0.0.0/24", { cidr: "10.0.0.0/24" }],
  ["10.0.0.0/24:65535", { cidr: "10.0.0.0/24", port: 65_535 }],
  [":22", { port: 22 }],
  ["[2001:db8::1]", { ip: "2001:db8::1" }],
  ["[2001:db8::1]:1", { ip: "2001:db8::1", port: 1 }],
  ["[2001:db8::/64]:443", { cidr: "2001:db8::/64", port: 443 }],
])("the endpoint %s is read as %j", (text, endpoint) => {
  expect(parseEndpoint("--client", text)).toEqual(endpoint);
});

test.each([
  ["", "write IP, IP:PORT"],
  [":", "write IP, IP:PORT"],
  ["example.com", "write IP, IP:PORT"],
  ["10.0.0", "write IP, IP:PORT"],
  ["10.0.0.1:", "write IP, IP:PORT"],
  ["10.0.0.1:0", "a port from 1 to 65535, got 0"],
  ["10.0.0.1:65536", "a port from 1 to 65535, got 65536"],
  ["10.0.0.1:443:1", "write IP, IP:PORT"],
  ["2001:db8::1", "did you mean [2001:db8::1]"],
  ["2001:db8::1:443", "did you mean [2001:db8::1:443]"],
  ["2001:db8::/64", "did you mean [2001:db8::/64]"],
  ["[10.0.0.1]:443", "write IP, IP:PORT"],
  ["[]:443", "write IP, IP:PORT"],
  ["[fe80::1%eth0]:443", "write IP, IP:PORT"],
  ["10.0.0.0/8", "a prefix of at least /24, got /8"],
  ["10.0.0.0/23:443", "a prefix of at least /24, got /23"],
  ["[2001:db8::/63]", "a prefix of at least /64, got /63"],
  ["10.0.0.0/33", "a number up to 32"],
  ["10.0.0.0/", "a number up to 32"],
  ["10.0.0.0/-1", "a number up to 32"],
  ["10.0.0.0/24/24", "write IP, IP:PORT"],
])("the endpoint %j is refused: %s", (text, why) => {
  expect(() => parseEndpoint("--client", text)).toThrow(why);
});

test("an endpoint that was printed can be read again", () => {
  const ip = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(ip, fc.integer({ min: 1, max: 65_535 }), (address, port) => {
      expect(parseEndpoint("--server", formatEndpoint({ ip: address, port }))).toEqual({ ip: address, port });
    }),
  );
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [9_949, "9.9 kB"],
  [9_951, "10 kB"],
  [999_499, "999 kB"],
  [999_500, "1.0 MB"],
  [12_345_678, "12 MB"],
  [5e18, "5000 PB"],
])("%d bytes are printed as %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [-1, "0ms"],
  [Number.NaN, "0ms"],
  [999, "999ms"],
  [12_900, "12s"],
  [185_000, "3m05s"],
  [7_440_000, "2h04m"],
  [442_800_000, "5d03h"],
])("an age of %d ms is printed as %s", (ms, text) => {
  expect(formatAge(ms)).toBe(text);
});

test.each([
  [215.4, "215 us"],
  [3_400, "3.4 ms"],
  [1_200_000, "1.20 s"],
])("%d us are printed as %s", (us, text) => {
  expect(formatMicroseconds(us)).toBe(text);
});

test.each([
  [7, "7"],
  [1_234, "1,234"],
  [1_234_567, "1,234,567"],
])("%d is printed as %s", (count, text) => {
  expect(formatCount(count)).toBe(text);
});

test("a table's columns are as wide as their widest cell and numbers stand to the right", () => {
  const rows = [
    { name: "a", count: 5 },
    { name: "longer", count: 12_345 },
  ];
  const lines = tableLines(
    [
      { title: "NAME", value: ({ name }) => name },
      { title: "N", right: true, value: ({ count }) => String(count) },
      { title: "NOTE", value: () => "x" },
    ],
    rows,
  );
  expect(lines).toEqual(["NAME        N  NOTE", "a           5  x", "longer  12345  x"]);
});

test("no cell can break its row or move the cursor", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const lines = tableLines([{ title: "T", value: () => text }], [0]);
      expect(lines).toHaveLength(2);
      // oxlint-disable-next-line no-control-regex
      expect(lines[1]).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    }),
  );
});

test("control characters and direction marks are replaced, line breaks of messages are kept", () => {
  expect(printable("a\u001b[2Jb\nc\r\u202ed\u009b")).toBe("a?[2Jb\nc??d?");
});

test("colour is for terminals that want it", () => {
  const pipe = { write: () => {} };
  const terminal = { write: () => {}, isTTY: true };
  expect(paint(pipe, {}, "red", "x")).toBe("x");
  expect(paint(terminal, { NO_COLOR: "1" }, "red", "x")).toBe("x");
  expect(paint(terminal, { TERM: "dumb" }, "red", "x")).toBe("x");
  expect(paint(terminal, {}, "red", "x")).toBe("\u001b[31mx\u001b[39m");
});
