import { describe, expect, it } from "vitest";
import { createBudgets } from "./decide/mod.ts";
import { ATTACKS } from "./rehearsal.ts";
import { Counters, RecordRing } from "./report/mod.ts";
import { createHomes } from "./topology/mod.ts";
import { WarmUp } from "./warmUp.ts";
import { compileWarmUp } from "./warmUpPolicy.ts";
import type { WorkerStart } from "./workerMessages.ts";

const POLICIES = compileWarmUp();

function startOf(homes: SharedArrayBuffer | undefined): WorkerStart {
  return {
    worker: 0, compiled: POLICIES[0]!, generation: 1, labels: [], labelNames: [], tableCapacity: 1_024, seed: 7, markKey: [1, 2],
    stop: new SharedArrayBuffer(4), counters: new Counters().buffer, records: new RecordRing(131_072).buffer, homes, claims: undefined, budgets: createBudgets(7), wakeHandle: -1,
    filter: { skippedInterfaces: [], interfaces: undefined } as unknown as WorkerStart["filter"], busyPollMicroseconds: 0, route: { interfaceIndex: -1 }, injectDevice: "", interfaceNames: [],
    flowTimeouts: {} as WorkerStart["flowTimeouts"],
  };
}

function rehearsed(start: WorkerStart): WarmUp {
  const warmUp = new WarmUp(start, POLICIES);
  while (!warmUp.isDone) warmUp.play();
  return warmUp;
}

describe("the warm-up", () => {
  for (const [what, homes] of [["with known homes", createHomes()], ["without them", undefined]] as const) {
    it(`cuts or refuses every attack of the rehearsal and sees it proved, ${what}`, () => {
      const start = startOf(homes);
      expect(rehearsed(start).outcome).toEqual({ killed: ATTACKS, confirmed: ATTACKS });
    });
  }

  it("goes on to cut what it plays for as long as it is asked", () => {
    const warmUp = rehearsed(startOf(createHomes()));
    for (let number = 0; number < 6_000; number++) warmUp.play();
    const { killed, confirmed } = warmUp.outcome;
    expect(confirmed).toBe(killed);
    expect(killed).toBeGreaterThan(6_000);
  });

  it("leaves no trace in the counters and records of the loop that is to work", () => {
    const start = startOf(createHomes());
    const before = new Uint8Array(start.counters).slice();
    rehearsed(start);
    expect(new Uint8Array(start.counters)).toEqual(before);
    expect(new RecordRing(start.records).usedBytes).toBe(0);
  });
});
