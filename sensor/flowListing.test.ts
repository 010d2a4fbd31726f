import { expect, test } from "vitest";
import type { FlowQuery } from "./control/mod.ts";
import { buildSegment, decode, DecodeContext, Frame, LinkType, Packet, SegmentSpec, TcpFlag } from "./decode/mod.ts";
import { FlowTable, FlowTracker } from "./flow/mod.ts";
import { FlowListing } from "./flowListing.ts";

const CAPACITY = 10_000;

/** So many half-open connections, from 10.0.0.1 at ports 1000, 1001, ... to port 80 or 443 of 10.0.1.0, 10.0.1.1, ... */
function tableOf(count: number): FlowTable {
  const table = new FlowTable({ capacity: CAPACITY, seed: 1 });
  const tracker = new FlowTracker({ table });
  const [packet, context, bytes] = [new Packet(), new DecodeContext(), new Uint8Array(100)];
  for (let number = 0; number < count; number++) {
    const spec = new SegmentSpec();
    spec.source2 = spec.destination2 = 0xffff;
    spec.source3 = 0x0a000001;
    spec.destination3 = 0x0a000100 + (number % 256);
    Object.assign(spec, { sourcePort: 1_000 + number, destinationPort: number % 2 === 0 ? 80 : 443, sequence: number, flags: TcpFlag.Syn });
    const length = buildSegment(bytes, 0, spec);
    decode(Object.assign(new Frame(), { bytes, capturedLength: length, wireLength: length, linkType: LinkType.Ethernet, timestampMs: 1, interfaceIndex: 1 }), packet, context);
    tracker.update(packet);
  }
  return table;
}

function listed(table: FlowTable, query: Partial<FlowQuery> = {}): { ports: number[]; turns: number; longest: number } {
  const listing = new FlowListing(1, { limit: 100_000, ...query }, { table, nameOf: () => "eth0", findingsOf: () => [] });
  const ports: number[] = [];
  let [turns, longest] = [0, 0];
  while (!listing.isDone) {
    const lines = listing.turn(2);
    ports.push(...lines.map(({ client }) => client.port));
    turns++;
    longest = Math.max(longest, lines.length);
  }
  return { ports, turns, longest };
}

const table = tableOf(5_000);

test("every connection is listed once, a few a turn", () => {
  const { ports, turns, longest } = listed(table);
  expect([ports.length, new Set(ports).size]).toEqual([5_000, 5_000]);
  expect(longest).toBeLessThanOrEqual(16);
  expect(turns).toBeGreaterThanOrEqual(5_000 / 16);
});

test.each([
  ["the server's port", { port: 443 }, (number: number) => number % 2 === 1],
  ["the client's port", { port: 1_007 }, (number: number) => number === 7],
  ["an address", { ip: "10.0.1.5" }, (number: number) => number % 256 === 5],
  ["the address of all", { ip: "10.0.0.1" }, () => true],
  ["an address that nobody has", { ip: "10.0.2.1" }, () => false],
  ["the state, in any case", { state: "synsent" }, () => true],
  ["another state", { state: "Established" }, () => false],
  ["several at once", { ip: "10.0.1.5", port: 80, state: "SynSent" }, (number: number) => number % 256 === 5 && number % 2 === 0],
] as const)("only those with %s", (_name, query, fits) => {
  const expected = Array.from({ length: 5_000 }, (_, number) => number).filter(fits).map((number) => 1_000 + number);
  expect(listed(table, query).ports.sort((a, b) => a - b)).toEqual(expected);
});

test("no more than the limit, and no further look", () => {
  const { ports, turns } = listed(table, { limit: 20 });
  expect([ports.length, turns]).toEqual([20, 2]);
});

test("an empty table is looked through in bounded turns", () => {
  expect(listed(tableOf(0))).toMatchObject({ ports: [], turns: Math.ceil(CAPACITY / 2_048) });
});
