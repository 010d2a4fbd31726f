import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ownNameServers } from "./surroundings.ts";

it.each([
  ["of either family", "search a.example\nnameserver 10.96.0.10\nnameserver\tfd00:96::a\noptions ndots:5\n", ["10.96.0.10", "fd00:96::a"]],
  ["on the link, without the interface", "nameserver fe80::1%eth0\n", ["fe80::1"]],
  ["that are not commented out", "# nameserver 192.0.2.1\n;nameserver 192.0.2.2\n", []],
])("reads the name servers %s", (_, text, servers) => {
  const folder = mkdtempSync(join(tmpdir(), "flowreset-names-"));
  try {
    writeFileSync(join(folder, "resolv.conf"), text);
    expect(ownNameServers(join(folder, "resolv.conf"))).toEqual(servers);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("knows no name server where there is no such file", () => {
  expect(ownNameServers("/nowhere/resolv.conf")).toEqual([]);
});
