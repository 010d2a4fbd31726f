import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseDocuments, defaultSettings } from "../crds/mod.ts";
import { emptyStatistics } from "./capture/mod.ts";
import { compile } from "./decide/mod.ts";
import { buildSegment, Frame, LinkType, SegmentSpec, TcpFlag } from "./decode/mod.ts";
import { Pipeline } from "./pipeline.ts";
import { Counter, Counters, Families } from "./report/mod.ts";
import { Telemetry } from "./telemetry.ts";

const POLICY = `apiVersion: flowreset.io/v1alpha1
kind: ResponsePolicy
metadata: {name: mark}
spec: {mode: Enforce, rules: [{name: mark, signature: {rules: ['alert tcp any any -> any any (content:"EVIL"; sid:1;)']}}]}
`;
const { Syn, Ack, Fin } = TcpFlag;

function published(rows: readonly [fromClient: boolean, sequence: number, acknowledgement: number, flags: number, text: string][]): Counters {
  const { compiled } = compile({ objects: parseDocuments(POLICY, "mark.yaml", { standalone: true }).objects, settings: defaultSettings(), interfaces: [] });
  const ignored = { onDecision: () => {}, onOutcome: () => {} };
  const pipeline = new Pipeline({ compiled, stop: new Int32Array(1), tableCapacity: 1_024, seed: 1, markKey: [1, 2], recorder: ignored, labelOf: () => 0 });
  rows.forEach(([fromClient, sequence, acknowledgement, flags, text], index) => {
    const spec = new SegmentSpec();
    spec.source2 = spec.destination2 = 0xffff;
    spec.source3 = fromClient ? 0x0a000001 : 0x0a000002;
    spec.destination3 = fromClient ? 0x0a000002 : 0x0a000001;
    Object.assign(spec, { sourcePort: fromClient ? 40_000 : 80, destinationPort: fromClient ? 80 : 40_000 });
    Object.assign(spec, { sequence, acknowledgement, flags, window: 65_535, payload: Buffer.from(text) });
    const bytes = new Uint8Array(200);
    const length = buildSegment(bytes, 0, spec);
    const frame = Object.assign(new Frame(), { bytes, capturedLength: length, wireLength: length, linkType: LinkType.Ethernet, timestampMs: 1_000 + index, interfaceIndex: 1 });
    pipeline.step(frame);
    if (pipeline.outbox.count > 0 || pipeline.hasUndisclosed) pipeline.settle(1_000 + index);
  });
  const counters = new Counters();
  new Telemetry(counters, pipeline, { dropped: 3 }).publish({ ...emptyStatistics(), packets: rows.length, idleSpinMicroseconds: 7 }, 2_000);
  return counters;
}

const HANDSHAKE: Parameters<typeof published>[0] = [
  [true, 100, 0, Syn, ""],
  [false, 500, 101, Syn | Ack, ""],
  [true, 101, 501, Ack, ""],
];

test("publish() tells what packets did to flows", () => {
  const { values } = published([
    ...HANDSHAKE,
    [true, 101, 501, Ack, "abcd"],
    [true, 101, 501, Ack, "abcd"],
    [true, 109, 501, Ack, "late"],
    [false, 501, 113, Ack, ""],
    [true, 113, 501, Ack | Fin, ""],
    [false, 501, 114, Ack | Fin, ""],
    [true, 114, 502, Ack, ""],
  ]);
  expect([Counter.FlowsCreated, Counter.FlowsEstablished, Counter.FlowsClosed, Counter.FlowsLive].map((counter) => values[counter])).toEqual([1, 1, 1, 1]);
  expect([Counter.Retransmissions, Counter.OutOfOrder].map((counter) => values[counter])).toEqual([1, 1]);
  expect(values[Counter.Gaps]).toBeGreaterThan(0);
  expect(values[Counter.InspectedBytes]).toBe(8);
  expect(values[Counter.RecordsDropped]).toBe(3);
  expect(values[Counter.BusyPollMicroseconds]).toBe(7);
  for (const capacity of [Counter.FlowsCapacity, Counter.KillsCapacity, Counter.HoldsCapacity, Counter.MatchesCapacity, Counter.ReassemblyCapacityBytes]) expect(values[capacity]).toBeGreaterThan(0);
});

test("publish() tells what waits, what is contested, and in which state flows are", () => {
  const { values } = published([...HANDSHAKE, [true, 105, 501, Ack, "efgh"], [true, 105, 501, Ack, "EFGH"]]);
  expect(values[Counter.ReassemblyBytes]).toBeGreaterThan(0);
  expect(values[Counter.AmbiguousOverlaps]).toBe(1);
  const states = values.subarray(Families.flowWorths.base, Families.flowWorths.base + Families.flowWorths.size);
  expect([...states].filter((count) => count > 0)).toEqual([1]);
});

test("publish() tells the bytes of what was injected", () => {
  const { values } = published([...HANDSHAKE, [true, 101, 501, Ack, "EVIL"]]);
  expect(values[Counter.PacketsInjected]).toBeGreaterThan(0);
  expect(values[Counter.BytesInjected]).toBeGreaterThanOrEqual(40 * values[Counter.PacketsInjected]!);
});

test("every counter that a metric shows is written by somebody", () => {
  const text = readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(import.meta.dirname, name), "utf8"))
    .join("\n");
  expect(Object.keys(Counter).filter((name) => !new RegExp(`(set|add)\\(Counter\\.${name},`).test(text))).toEqual([]);
  expect(Object.keys(Families).filter((name) => !text.includes(`setIn(Families.${name},`))).toEqual([]);
});
