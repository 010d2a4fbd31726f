import fc from "fast-check";
import { expect, test } from "vitest";
import { alertEvent, outcomeEvent, resetEvent } from "./event.ts";
import type { EventDecision, EventFlow, SeverityName } from "./event.ts";
import { flowId, TUPLE_WORDS } from "./flowId.ts";
import { formatTimestamp } from "./timestamp.ts";

const FLOW: EventFlow = {
  flowId: 123456789,
  client: { ip: "10.0.0.1", port: 43122 },
  server: { ip: "2001:db8::9", port: 443 },
  interface: "veth0",
  startMs: 1_700_000_000_000,
  packetsToServer: 4,
  packetsToClient: 3,
  bytesToServer: 517,
  bytesToClient: 0,
  state: "established",
  inferred: false,
};
const DECISION: EventDecision = {
  policy: "shop/stop-log4shell",
  policies: ["shop/stop-log4shell", "all"],
  rule: "jndi",
  mode: "Enforce",
  verdict: "Reset",
  reason: "Matched",
  target: "Both",
};
const SIGNATURE = { id: 1000001, revision: 2, message: 'say "hi"', severity: "High" as SeverityName };
const AT = 1_700_000_000_123.456;

test("an alert is one line with the names and the order of EVE", () => {
  expect(alertEvent(AT, FLOW, 1, SIGNATURE, DECISION)).toBe(
    '{"timestamp":"2023-11-14T22:13:20.123456+0000","flow_id":123456789,"in_iface":"veth0","event_type":"alert",' +
      '"src_ip":"2001:db8::9","src_port":443,"dest_ip":"10.0.0.1","dest_port":43122,"proto":"TCP",' +
      '"direction":"to_client","alert":{"action":"blocked","gid":1,"signature_id":1000001,"rev":2,' +
      '"signature":"say \\"hi\\"","category":"","severity":1},"flow":{"pkts_toserver":4,"pkts_toclient":3,' +
      '"payload_bytes_toserver":517,"payload_bytes_toclient":0,"start":"2023-11-14T22:13:20.000000+0000","state":"established",' +
      '"src_ip":"10.0.0.1","dest_ip":"2001:db8::9","src_port":43122,"dest_port":443},' +
      '"flowreset":{"policy":"shop/stop-log4shell","policies":["shop/stop-log4shell","all"],"rule":"jndi",' +
      '"mode":"Enforce","verdict":"Reset","reason":"Matched","target":"Both","severity":"High"}}\n',
  );
});

test.each([
  ["Reset", "blocked"],
  ["Refuse", "blocked"],
  ["WouldReset", "allowed"],
  ["WouldRefuse", "allowed"],
  ["Suppress", "allowed"],
])("a verdict of %s is an action of %s", (verdict, action) => {
  const event = JSON.parse(alertEvent(AT, FLOW, 0, SIGNATURE, { ...DECISION, verdict })) as { alert: { action: string } };
  expect(event.alert.action).toBe(action);
});

test("an outcome without a proof has no time to it", () => {
  const text = outcomeEvent(AT, FLOW, DECISION, {
    outcome: "Unconfirmed",
    reason: "Silence",
    evidence: [],
    rsts: 4,
    probes: 3,
    timeToFirstRstMicroseconds: 211.6,
    timeToConfirmedMicroseconds: undefined,
    bytesAfterTrigger: 1448,
  });
  const { flowreset } = JSON.parse(text) as { flowreset: Record<string, unknown> };
  expect(flowreset).toMatchObject({ outcome: "Unconfirmed", reason: "Silence", time_to_first_rst_us: 212, rsts: 4 });
  expect(flowreset).not.toHaveProperty("time_to_confirmed_us");
});

test("a reset names its FlowReset where a person asked for it", () => {
  const text = resetEvent(AT, { ...FLOW, inferred: true }, { ...DECISION, flowReset: "kill-1" }, {
    rsts: 1,
    timeToFirstRstMicroseconds: -3,
    phase: "established",
  });
  expect(JSON.parse(text)).toMatchObject({
    event_type: "reset",
    flow: { inferred: true },
    flowreset: { flow_reset: "kill-1", time_to_first_rst_us: 0, phase: "established" },
  });
});

test("any name, also one with line breaks and broken surrogates, stays within one line", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (name) => {
      const text = alertEvent(AT, { ...FLOW, interface: name }, 0, { ...SIGNATURE, message: name }, { ...DECISION, rule: name });
      expect(text.indexOf("\n")).toBe(text.length - 1);
      expect(() => JSON.parse(text)).not.toThrow();
    }),
    { numRuns: 50 },
  );
});

test("an event names sixteen policies at most", () => {
  const policies = Array.from({ length: 500 }, (_, i) => `policy-${i}`);
  const text = alertEvent(AT, FLOW, 0, SIGNATURE, { ...DECISION, policies });
  expect((JSON.parse(text) as { flowreset: { policies: string[] } }).flowreset.policies).toHaveLength(16);
});

test.each([
  [0, "1970-01-01T00:00:00.000000+0000"],
  [999.9996, "1970-01-01T00:00:01.000000+0000"],
  [1_700_000_000_000.001, "2023-11-14T22:13:20.000001+0000"],
  [9_007_199_254_740.5, "2255-06-05T23:47:34.740500+0000"],
  [9_007_199_254_741, "1970-01-01T00:00:00.000000+0000"],
  [-1, "1970-01-01T00:00:00.000000+0000"],
  [1e300, "1970-01-01T00:00:00.000000+0000"],
  [Number.NaN, "1970-01-01T00:00:00.000000+0000"],
])("%d ms is printed as %s", (ms, text) => {
  expect(formatTimestamp(ms)).toBe(text);
});

test("a flow number is exact in JSON, depends on every word of the tuple and on the birth, and on nothing else", () => {
  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(
      fc.array(word, { minLength: TUPLE_WORDS, maxLength: TUPLE_WORDS }),
      word,
      fc.nat(TUPLE_WORDS - 1),
      fc.nat(31),
      fc.nat(5),
      (tuple, isn, at, bit, base) => {
        const words = new Int32Array(base + TUPLE_WORDS + 1).fill(base);
        words.set(tuple, base);
        const id = flowId(words, base, isn);
        expect(Number.isSafeInteger(id) && id >= 0).toBe(true);
        expect(flowId(Int32Array.from(tuple), 0, isn)).toBe(id);
        expect(flowId(words, base, (isn + 1) | 0)).not.toBe(id);
        words[base + at] ^= 1 << bit;
        expect(flowId(words, base, isn)).not.toBe(id);
      },
    ),
  );
});
