import { describe, expect, it } from "vitest";
import type { FlowResult, ResetReport } from "../../crds/stream/mod.ts";
import { flowResetStatus } from "../../crds/mod.ts";
import { Roster } from "../roster/mod.ts";
import { reportOf } from "../roster/report.fixture.ts";
import { Asking, type Answers } from "./asking.ts";
import { flowResetFacts } from "./facts.ts";
import { joinResults, type NodeResult } from "./join.ts";
import { ACTIVE_AFTER_MS, ANSWER_WAIT_MS, MAX_BOOKED_FLOWS, MAX_BOOKED_FLOWS_OF_NODE, MAX_JOINED_FLOWS, MAX_UNKNOWN_OF_NODE, OBJECT_MAX_AGE_MS, REFRESH_MS, RESULT_WAIT_MS, TAKEOVER_WAIT_MS } from "./limits.ts";
import { planFlowReset, type FlowResetInput } from "./plan.ts";
import { ResultBook } from "./results.ts";

const T0 = Date.parse("2026-11-26T12:00:00Z");
const flow = (more: Partial<FlowResult> = {}): FlowResult => ({ connection: "1 2", client: "10.0.0.7:4000", server: "10.0.0.9:80", outcome: "Confirmed", reason: "", rsts: 2, latencyMicroseconds: 100, actor: "first", ...more });
const report = (more: Partial<ResetReport> = {}): ResetReport => ({ kind: "FlowReset", namespace: "shop", name: "kill", uid: "u", phase: "Done", matched: 1, flows: [flow()], startedAt: "2026-11-26T12:00:00.100Z", ...more });
const result = (node: string, more: Partial<ResetReport> = {}): NodeResult => {
  const book = new ResultBook();
  book.take(node, "s", 1, report({ ...more, matched: more.matched ?? more.flows?.length ?? 1 }), T0);
  return book.of("u")[0]!;
};
const spec = (more: object = {}) => flowResetFacts({ apiVersion: "flowreset.io/v1alpha1", kind: "FlowReset", metadata: { name: "kill", namespace: "shop", uid: "u" }, spec: { match: { client: { ip: "10.0.0.7" } }, ...more } }).spec!;
const answers = (more: Partial<Answers> = {}): Answers => ({ asked: 2, answered: 2, waitingFor: [], unwatched: [], ...more });
const NOBODY = answers({ answered: 0, unwatched: ["n1", "n2"] });
const ONE_SILENT = answers({ answered: 1, waitingFor: ["n2"] });

function planAt(ms: number, { results = [], ...more }: Partial<FlowResetInput> = {}) {
  return planFlowReset({ generation: 1, createdMs: T0, spec: spec(), status: {}, results, joined: joinResults(results), answers: answers(), seenMs: T0, ledSinceMs: T0 - 60_000, answerSpreadMs: 0, writtenMs: 0, nowMs: T0 + ms, ...more });
}

describe("the life of a FlowReset", () => {
  const active = result("n1", { phase: "Active" });
  const wouldReset = [result("n1", { flows: [flow({ outcome: "WouldReset", reason: "ObserveOnly" })] })];
  for (const [what, ms, phase, reason, more] of [
    ["all looked and nothing matched", 50, "Succeeded", "NothingMatched", {}],
    ["all looked and it is proved dead", 50, "Succeeded", "Confirmed", { results: [result("n1")] }],
    ["it stays silent", 50, "Succeeded", "Unconfirmed", { results: [result("n1", { flows: [flow({ outcome: "Unconfirmed" })] })] }],
    ["it lives on", 50, "Failed", "Evaded", { results: [result("n1", { flows: [flow({ outcome: "Evaded" })] })] }],
    ["one of two could not be reset", 50, "Failed", "Incomplete", { results: [result("n1", { flows: [flow(), flow({ connection: "3 4", outcome: "Failed", reason: "Authenticated" })] })] }],
    ["it is protected", 50, "Failed", "ProtectedEndpoint", { results: [result("n1", { flows: [flow({ outcome: "Suppressed", reason: "ProtectedEndpoint" })] })] }],
    ["the emergency stop is on", 50, "Failed", "ObserveOnly", { results: wouldReset }],
    ["it is a dry run", 50, "Succeeded", "DryRun", { results: wouldReset, spec: spec({ dryRun: true }) }],
    ["a dry run has a hold", 50, "Succeeded", "DryRun", { results: wouldReset, spec: spec({ dryRun: true, hold: "1h" }) }],
    ["too many match", 50, "Failed", "TooManyFlows", { results: [result("n1", { phase: "Failed", reason: "TooManyFlows", flows: [], matched: 500 })] }],
    ["one did not answer in time", ANSWER_WAIT_MS, "Succeeded", "NothingMatched", { answers: ONE_SILENT }],
    ["a sensor never gets through with it", RESULT_WAIT_MS + 1_000, "Succeeded", "Confirmed", { results: [active] }],
    ["nobody looked for five minutes", OBJECT_MAX_AGE_MS, "Expired", "NobodyLooked", { answers: NOBODY }],
    ["its hold is over", 60_500, "Succeeded", "NothingMatched", { spec: spec({ hold: "60s" }) }],
    ["its hold is over for a sensor that still holds", 60_500, "Succeeded", "Confirmed", { spec: spec({ hold: "60s" }), results: [active] }],
    ["it cannot be read", 0, "Failed", "Invalid", { spec: undefined, fault: { reason: "Invalid", message: "spec.match: no" } }],
    ["it asks for what is not supported", 0, "Failed", "NotSupported", { fault: { reason: "NotSupported", message: "spec.match.sni: not supported yet" } }],
  ] as const) {
    it(`ends when ${what}: ${phase}, ${reason}`, () => {
      const { status, againMs } = planAt(ms, more as unknown as Partial<FlowResetInput>);
      expect(status?.phase).toBe(phase);
      expect(status?.completionTime).toBeDefined();
      const { type, ...holding } = status!.conditions!.find((condition) => ["Complete", "Failed"].includes(condition.type))!;
      expect([type, holding.status, holding.reason]).toEqual([phase === "Succeeded" ? "Complete" : "Failed", "True", reason]);
      expect(againMs).toBeUndefined();
    });
  }

  for (const [what, ms, endsInMs, more] of [
    ["a sensor of thousands still looks", 13_000, ANSWER_WAIT_MS - 1_000, { answers: ONE_SILENT, answerSpreadMs: 12_000 }],
    ["a sensor still looks", 1_000, ANSWER_WAIT_MS - 1_000, { answers: ONE_SILENT }],
    ["a sensor's new leader waits for it", ANSWER_WAIT_MS, TAKEOVER_WAIT_MS - ANSWER_WAIT_MS, { answers: ONE_SILENT, ledSinceMs: T0 + 1 }],
    ["a sensor is at it", 2_000, RESULT_WAIT_MS + 100 - 2_000, { results: [active] }],
    ["nobody has looked", 60_000, OBJECT_MAX_AGE_MS - 60_000, { answers: NOBODY }],
    ["nobody has looked and the hold is long", OBJECT_MAX_AGE_MS, 3_600_000 - OBJECT_MAX_AGE_MS, { answers: NOBODY, spec: spec({ hold: "1h" }) }],
    ["it holds", 1_000, 59_000, { spec: spec({ hold: "60s" }) }],
  ] as const) {
    it(`goes on while ${what}`, () => {
      const { status, againMs } = planAt(ms, more as unknown as Partial<FlowResetInput>);
      expect(status?.phase).toBe("Active");
      expect(status?.completionTime).toBeUndefined();
      expect(againMs).toBe(Math.min(endsInMs, REFRESH_MS));
    });
  }

  it("is written as Active only when it lasts, and brought up to date now and then", () => {
    expect(planAt(10, { answers: ONE_SILENT })).toEqual({ againMs: ACTIVE_AFTER_MS - 10 });
    // Of thousands each write goes to thousands; who waits for a hold sees at once that it holds.
    expect(planAt(10, { answers: ONE_SILENT, answerSpreadMs: 12_000 })).toEqual({ againMs: ACTIVE_AFTER_MS + 12_000 - 10 });
    expect(planAt(10, { spec: spec({ hold: "1h" }), answerSpreadMs: 12_000 })).toEqual({ againMs: ACTIVE_AFTER_MS - 10 });
    const held = spec({ hold: "1h" });
    const first = planAt(ACTIVE_AFTER_MS, { spec: held }).status!;
    expect(first).toMatchObject({ phase: "Active", startTime: "2026-11-26T12:00:00Z", holdUntilTime: "2026-11-26T13:00:00Z" });
    const more = { spec: held, status: first, writtenMs: T0 + ACTIVE_AFTER_MS, results: [result("n1")] };
    expect(planAt(1_000, more).status).toBeUndefined();
    expect(planAt(ACTIVE_AFTER_MS + REFRESH_MS, more).status?.summary?.confirmed).toBe(1);
    expect(planAt(ACTIVE_AFTER_MS + REFRESH_MS, { ...more, results: [] }).status).toBeUndefined();
  });

  it("says who did not answer, and which node nobody watches", () => {
    const waitingFor = ["n2", "n3", "n4", "n5", "n6"];
    expect(planAt(ANSWER_WAIT_MS, { answers: answers({ asked: 6, answered: 1, waitingFor }) }).status?.message).toBe("Nothing matched on 1 sensor; 5 sensors did not answer (n2, n3, n4 and 2 more)");
    expect(planAt(50, { answers: answers({ answered: 1, unwatched: ["n9"] }) }).status?.message).toBe("Nothing matched on 1 sensor; no sensor on n9");
  });

  it("says no more in one sentence than an API server takes, however long nodes' names are", () => {
    const long = (letter: string) => letter.repeat(253);
    const unheard = answers({ asked: 9, answered: 1, waitingFor: ["b", "c", "d"].map(long), unwatched: ["e", "f", "g"].map(long) });
    for (const more of [{ answers: unheard }, { answers: unheard, results: [result(long("a"), { phase: "Failed", reason: "TooManyFlows", message: "x".repeat(1_024), flows: [] })] }]) {
      expect(flowResetStatus.safeParse(planAt(ANSWER_WAIT_MS, more).status).error?.issues).toBeUndefined();
    }
    expect(flowResetStatus.safeParse(planAt(1_000, { answers: { ...unheard, waitingFor: [] }, spec: spec({ hold: "1h" }) }).status).error?.issues).toBeUndefined();
  });

  it("turns from Complete to Failed by a late result, and is never both", () => {
    const complete = planAt(50).status!;
    const amended = planAt(9_000, { status: complete, results: [result("n1", { flows: [flow({ outcome: "Evaded" })] })] }).status!;
    expect(amended.conditions!.filter(({ type }) => ["Complete", "Failed"].includes(type)).map(({ type }) => type)).toEqual(["Failed"]);
    expect(amended.completionTime).toBe(complete.completionTime);
  });

  it("begins neither before the object nor in the future, whatever a node's clock says", () => {
    for (const startedAt of ["1999-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]) expect(planAt(50, { results: [result("n1", { startedAt })] }).status?.startTime).toBe("2026-11-26T12:00:00Z");
  });

  it("shows ten connections at most, and counts all", () => {
    const flows = Array.from({ length: 50 }, (_, index) => flow({ connection: `${index} 9` }));
    const { status } = planAt(50, { results: [result("n1", { flows, matched: 80 })] });
    expect(status?.flows).toHaveLength(10);
    expect(status?.summary).toMatchObject({ matched: 80, reset: 50 });
  });
});

describe("results of several nodes", () => {
  const joined = (...results: NodeResult[]) => joinResults(results);

  for (const [what, outcome, node, first, second] of [
    ["the first actor's word counts", "Unconfirmed", "n1", { outcome: "Unconfirmed" }, { outcome: "Evaded", actor: "second" }],
    ["also where it is told last", "Unconfirmed", "n2", { outcome: "Evaded", actor: "second" }, { outcome: "Unconfirmed" }],
    ["the proof of death wins", "Confirmed", "n2", { outcome: "Unconfirmed" }, { outcome: "Confirmed", actor: "second" }],
  ] as const) {
    it(`of one connection are one: ${what}`, () => {
      const { flows, counts } = joined(result("n1", { flows: [flow(first)] }), result("n2", { flows: [flow({ ...second, client: "192.0.2.1:9" })] }));
      expect(flows.map((each) => [each.outcome, each.node])).toEqual([[outcome, node]]);
      expect(counts.matched).toBe(1);
    });
  }

  it("of connections whose numbers are not known are joined by their addresses", () => {
    expect(joined(result("n1", { flows: [flow({ connection: "" })] }), result("n2", { flows: [flow({ connection: "" })] })).counts.matched).toBe(1);
    expect(joined(result("n1", { flows: [flow({ connection: "" })] }), result("n2", { flows: [flow({ connection: "", client: "10.0.0.8:1" })] })).counts.matched).toBe(2);
  });

  const unnumbered = flow({ connection: "" });
  for (const [what, matched, first, second] of [
    ["that one node alone knows by its numbers is one", 1, [flow()], [unnumbered]],
    ["that only the second node knows by its numbers is one", 1, [unnumbered], [flow()]],
    ["of other numbers with the same addresses is another", 2, [flow()], [flow({ connection: "3 4" })]],
    ["without numbers after one with numbers, both of one node, is another", 2, [flow(), unnumbered], []],
  ] as const) {
    it(`a connection ${what}`, () => {
      const results = [first, second].flatMap((flows, index) => (flows.length === 0 ? [] : [result(`n${index + 1}`, { flows: [...flows] })]));
      expect(joined(...results).counts.matched).toBe(matched);
    });
  }

  it("beyond the limit are counted, not kept", () => {
    const many = (from: number) => Array.from({ length: MAX_JOINED_FLOWS }, (_, index) => flow({ connection: `${from + index} 1` }));
    const { flows, counts } = joined(result("n1", { flows: many(0) }), result("n2", { flows: many(MAX_JOINED_FLOWS) }));
    expect([flows.length, counts.matched]).toEqual([MAX_JOINED_FLOWS, 2 * MAX_JOINED_FLOWS]);
  });
});

describe("the book of results", () => {
  it("acknowledges a report only when its results are written", () => {
    const book = new ResultBook();
    expect(book.acknowledged("n1", 4)).toBe(4);
    book.take("n1", "s", 5, report(), T0);
    expect(book.acknowledged("n1", 7)).toBe(4);
    book.written("u", book.of("u"));
    expect(book.acknowledged("n1", 7)).toBe(7);
  });

  it("does not call written what came while it was being written", () => {
    const book = new ResultBook();
    book.take("n1", "s", 5, report(), T0);
    const results = book.of("u");
    book.take("n1", "s", 6, report({ matched: 2, flows: [flow({ connection: "3 4" })] }), T0);
    book.written("u", results);
    expect(book.acknowledged("n1", 6)).toBeLessThan(6);
    expect(joinResults(book.of("u")).counts.matched).toBe(2);
  });

  it("takes the same result twice without counting it twice", () => {
    const book = new ResultBook();
    expect([book.take("n1", "s", 5, report(), T0), book.take("n1", "s", 6, report(), T0)]).toEqual([true, false]);
    expect(joinResults(book.of("u")).counts.matched).toBe(1);
  });

  it("keeps so many connections of one sensor one by one, and of all together, whatever they send; the rest is counted", () => {
    const book = new ResultBook();
    const tell = (node: string, uid: string, index: number) => {
      const flows = Array.from({ length: 100 }, (_, each) => flow({ connection: `${index * 100 + each} 9` }));
      book.take(node, "s", 1, report({ uid, flows, matched: 1_000 }), T0);
    };
    for (let uid = 0; uid < 30; uid++) for (let part = 0; part < 10; part++) tell("thief", `u${uid}`, part);
    expect(book.figures.flows).toBe(MAX_BOOKED_FLOWS_OF_NODE);
    tell("n1", "u0", 0);
    expect(book.of("u0").at(-1)).toMatchObject({ node: "n1", matched: 1_000 });
    expect(joinResults(book.of("u29")).counts.matched).toBe(1_000);
    for (let node = 0; node < 20; node++) for (let uid = 0; uid < 10; uid++) for (let part = 0; part < 10; part++) tell(`n${node}`, `u${uid}`, part);
    expect(book.figures.flows).toBe(MAX_BOOKED_FLOWS);
    for (let uid = 0; uid < 30; uid++) book.forget(`u${uid}`);
    expect(book.figures.flows).toBe(0);
    tell("n1", "again", 0);
    expect(book.of("again")[0]!.flows.size).toBe(100);
  });

  it("lets a sensor speak of no more objects that there are not by calling itself started anew", () => {
    const book = new ResultBook();
    for (let session = 0; session < 500; session++) {
      book.forgetSession("evil");
      for (let index = 0; index < MAX_UNKNOWN_OF_NODE; index++) book.take("evil", `s${session}`, index, report({ uid: `u${session}-${index}` }), T0);
    }
    expect(book.figures.resets).toBe(MAX_UNKNOWN_OF_NODE);
    // What proves to be there makes room, and so does what is forgotten.
    book.know("u0-0");
    book.take("evil", "s", 1, report({ uid: "more" }), T0 + 1);
    expect(book.figures.resets).toBe(MAX_UNKNOWN_OF_NODE + 1);
    book.sweep(T0 + 120_000);
    expect(book.figures.resets).toBe(1);
    for (let index = 0; index < MAX_UNKNOWN_OF_NODE + 1; index++) book.take("evil", "s", index, report({ uid: `v${index}` }), T0);
    expect(book.figures.resets).toBe(MAX_UNKNOWN_OF_NODE + 1);
  });

  it("lets a sensor speak of few objects that there are not, and forgets them", () => {
    const book = new ResultBook();
    for (let index = 0; index < MAX_UNKNOWN_OF_NODE + 10; index++) book.take("evil", "s", index, report({ uid: `u${index}` }), T0);
    expect(book.figures).toMatchObject({ resets: MAX_UNKNOWN_OF_NODE, dropped: 10 });
    book.know("u0");
    book.sweep(T0 + 120_000);
    expect(book.figures.resets).toBe(1);
  });
});

describe("whom a FlowReset asks", () => {
  const roster = new Roster();
  for (const [node, flowResets] of [["n1", "50"], ["n2", "10"], ["n3", "10"]] as const) roster.hear(reportOf(node, { observed: { policies: "1", flowResets, fleet: "1" } }), 0);
  const isFresh = (node: string) => roster.sensors.has(node);

  it("is every fresh sensor where the addresses do not say, and one that has looked already has answered", () => {
    expect(new Asking(40, "all", roster.sensors, isFresh).answers(isFresh)).toEqual({ asked: 3, answered: 1, waitingFor: ["n2", "n3"], unwatched: [] });
  });

  it("is also a sensor of which nothing was heard when all were asked, but not where nodes were named", () => {
    const asking = new Asking(40, "all", new Map(), isFresh);
    expect([asking.hear("late", 39), asking.hear("late", 40), asking.hear("late", 41)]).toEqual([false, true, false]);
    expect(asking.answers(isFresh)).toMatchObject({ asked: 1, answered: 1 });
    expect(new Asking(40, ["n2"], roster.sensors, isFresh).hear("late", 40)).toBe(false);
  });

  it("is told when the first and when the last of them has looked", () => {
    const asking = new Asking(40, ["n2", "n3", "n9"], roster.sensors, isFresh);
    expect([asking.hear("n2", 39), asking.hear("n2", 40), asking.hear("n2", 41), asking.hear("n3", 40)]).toEqual([false, true, false, false]);
    expect(asking.answers(isFresh)).toMatchObject({ asked: 3, answered: 2, unwatched: ["n9"] });
    expect(asking.hear("n9", 50)).toBe(true);
  });
});

it("a stored FlowReset that cannot be read is a fault that names the field, never an exception", () => {
  const facts = (given: unknown) => flowResetFacts({ apiVersion: "flowreset.io/v1alpha1", kind: "FlowReset", metadata: { name: "k", namespace: "shop" }, spec: given });
  expect(facts({ match: { client: { ip: "10.0.0" } } }).fault).toMatchObject({ reason: "Invalid", message: expect.stringMatching(/^spec\.match\.client\.ip: /) });
  expect(facts({ match: { client: { ip: "10.0.0.1" }, mood: "bad" } }).fault?.message).toMatch(/^spec\.match\.mood: /);
  for (const hostile of [undefined, null, 7, "x", [], { match: null }]) expect(facts(hostile).fault?.reason).toBe("Invalid");
});
