import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_REPORTED_COUNTERS, readReply, readReport } from "./mod.ts";

const policy = { uid: "u", kind: "ResponsePolicy", namespace: "shop", name: "p" };
const flow = { connection: "1 2", client: "10.0.0.7:40000", server: "192.0.2.1:443", outcome: "Confirmed", reason: "CutAfterEstablished", rsts: 2, latencyMicroseconds: 300, actor: "first" };
const least = {
  node: "n1",
  fleet: "default",
  session: "a1",
  sequence: 1,
  version: "0.1.0",
  observed: { policies: "12", flowResets: "13", fleet: "9" },
  health: { enforcement: "Enabled", captureLossPackets: 0, coverage: { interfaces: 3, halfBlind: 0, pods: 2, podsUnseen: 0 }, apiServer: "Connected" },
};
const counters = { ...policy, detections: 4, wouldReset: 0, reset: 4, confirmed: 3, suppressed: 0 };
const reset = { ...policy, kind: "FlowReset", phase: "Done", matched: 1, flows: [flow], startedAt: "2026-11-26T18:00:00.120Z", finishedAt: "2026-11-26T18:00:01Z" };

describe("a report", () => {
  it("may say no more than that the sensor lives", () => {
    expect(readReport(least)).toEqual({ value: { ...least, counters: [], resets: [], incidents: [] } });
  });

  it("is read whole", () => {
    const incident = { ...policy, rule: "r", client: flow.client, server: flow.server, outcome: "Reset", reason: "", count: 3, firstTime: reset.startedAt, lastTime: reset.finishedAt };
    const full = { ...least, failures: [{ ...policy, generation: 3, message: "m" }], counters: [counters], resets: [reset], incidents: [incident] };
    expect(readReport(full)).toEqual({ value: full });
  });

  it("of a newer sensor is read without what is not known here", () => {
    expect(readReport({ ...least, mood: "good", health: { ...least.health, temperature: 40 } })).toEqual(readReport(least));
  });

  it.each([
    ["nothing", null, /^: Cannot take this value, expected a map: current value is null$/],
    ["a node without a name", { ...least, node: "" }, /^node: /],
    ["a negative sequence", { ...least, sequence: -1 }, /^sequence: Cannot take this value, expected at least 0: current value is -1$/],
    ["half a count", { ...least, counters: [{ ...counters, reset: 0.5 }] }, /^counters\[0\]\.reset: .*whole number/],
    ["a kind of another", { ...least, counters: [{ ...counters, kind: "Pod" }] }, /^counters\[0\]\.kind: /],
    ["an outcome that there is not", { ...least, resets: [{ ...reset, flows: [{ ...flow, outcome: "Hurt" }] }] }, /^resets\[0\]\.flows\[0\]\.outcome: /],
    ["too many flows", { ...least, resets: [{ ...reset, flows: Array.from({ length: 101 }, () => flow) }] }, /^resets\[0\]\.flows: .*at most 100 entries: current count is 101$/],
    ["too many counters", { ...least, counters: Array.from({ length: MAX_REPORTED_COUNTERS + 1 }, () => counters) }, /^counters: .*at most 1024 entries/],
    ["a day for a time", { ...least, resets: [{ ...reset, startedAt: "yesterday" }] }, /^resets\[0\]\.startedAt: Cannot read a time, expected RFC 3339 .*: current value is "yesterday"$/],
    ["a message without end", { ...least, failures: [{ ...policy, generation: 1, message: "x".repeat(1_025) }] }, /^failures\[0\]\.message: .*at most 1024 characters/],
  ])("is refused for %s", (_name, value, fault) => expect(readReport(value)).toEqual({ fault: expect.stringMatching(fault) }));
});

describe("whatever comes over the stream", () => {
  const spoilt = fc.tuple(fc.constantFrom(...Object.keys(least), "resets", "counters", "failures", "incidents"), fc.jsonValue({ maxDepth: 3 })).map(([key, value]) => ({ ...least, [key]: value }));
  it("is a report, or is told what is wrong, and never throws", () => {
    fc.assert(
      fc.property(fc.oneof(spoilt, fc.jsonValue({ maxDepth: 3 })), (value) => {
        const reading = readReport(value);
        if ("fault" in reading) expect(reading.fault).toMatch(/: Cannot /);
        else expect(readReport(reading.value)).toEqual(reading);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("a reply", () => {
  it("says what was taken over and when the next report is due", () => {
    expect(readReply({ acknowledged: 7, nextReportMs: 1_000, answerSpreadMs: 300, news: 1 })).toEqual({ value: { acknowledged: 7, nextReportMs: 1_000, answerSpreadMs: 300 } });
    expect(readReply({ acknowledged: 7, nextReportMs: 1_000 })).toMatchObject({ value: { answerSpreadMs: 0 } });
  });
  it.each([
    ["at once for ever", { acknowledged: 7, nextReportMs: 0 }],
    ["an answer that takes for ever", { acknowledged: 7, nextReportMs: 1_000, answerSpreadMs: 1e9 }],
    ["never again", { acknowledged: 7, nextReportMs: 1e9 }],
    ["nothing", undefined],
  ])("is refused for %s", (_name, value) => expect(readReply(value)).toEqual({ fault: expect.stringMatching(/Cannot /) }));
});
