import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { HeldEnds } from "./heldEnds.ts";
import { HeldEndsFile } from "./heldEnds.ts";

const directory = mkdtempSync(join(tmpdir(), "flowreset-"));
afterAll(() => rmSync(directory, { recursive: true }));

const ends: HeldEnds = { uid: "a", client: "10.0.0.1", server: "2001:db8::2", serverPort: 443, clientPod: "pod-1", serverPod: "", untilMs: 5 };
const open = (): HeldEndsFile => new HeldEndsFile(directory, (error) => {
  throw error;
});

describe("the ends that FlowResets hold", () => {
  it("are told once to the next sensor, by the FlowReset", () => {
    const file = open();
    file.keep(ends);
    file.keep({ ...ends, uid: "b" });
    const next = open();
    expect([next.takeBack("a"), next.takeBack("a"), next.takeBack("unknown")]).toEqual([[ends], [], []]);
  });

  it.each<[string, string]>([
    ["was cut", JSON.stringify(ends).slice(0, -5)],
    ["is no object", "null"],
    ["lacks a field", JSON.stringify({ ...ends, clientPod: undefined })],
    ["names no port", JSON.stringify({ ...ends, serverPort: 0 })],
    ["names no address: it would hold anybody", JSON.stringify({ ...ends, client: "" })],
    ["names an address as no packet has it: it would hold anybody", JSON.stringify({ ...ends, client: "::ffff:10.0.0.1" })],
    ["names an address with a zone: it would hold anybody", JSON.stringify({ ...ends, server: "fe80::1%eth0" })],
  ])("are those of whole lines only, not of one that %s", (_, damaged) => {
    writeFileSync(join(directory, "held"), `${damaged}\n${JSON.stringify({ ...ends, serverPort: 80 })}\n`);
    expect(open().takeBack("a")).toEqual([{ ...ends, serverPort: 80 }]);
  });
});
