import { describe, expect, it } from "vitest";
import { createBudgets } from "./decide/mod.ts";
import { ATTACKS } from "./rehearsal.ts";
import { Counters, RecordRing } from "./report/mod.ts";
import { createHomes } from "./topology/mod.ts";
import { WarmUp } from "./warmUp.ts";
import { compileWarmUp } from "./warmUpPolicy.ts";
import type { WorkerStart } from "./workerMessages.ts";

function startOf(homes: SharedArrayBuffer | undefined): WorkerStart {
  const warmUpCompiled = compileWarmUp();
  return {
    worker: 0, compiled: warmUpCompiled[0]!, generation: 1, warmUpCompiled, labels: [], labelNames: [], tableCapacity: 1_024, seed: 7, markKey: [1, 2],
    stop: new SharedArrayBuffer(4), counters: new Counters().buffer, records: new RecordRing(131_072).buffer, homes, claims: undefined, budgets: createBudgets(7), wakeHandle: -1,
    filter: { skippedInterfaces: [], interfaces: undefined } as unknown as WorkerStart["filter"], busyPollMicroseconds: 0, route: { interfaceIndex: -1 }, injectDevice: "", interfaceNames: [],
    flowTimeouts: {} as WorkerStart["flowTimeouts"],
  };
}

describe("the warm-up", () => {
  for (const [what, homes] of [["with known homes", createHomes()], ["without them", undefined]] as const) {
    it(`cuts or refuses every attack of the rehearsal and sees it proved, ${what}`, () => {
      const start = startOf(homes);
      const { killed, confirmed } = new WarmUp(start);
      expect({ killed, confirmed }).toEqual({ killed: ATTACKS, confirmed: ATTACKS });
    });
  }

  it("goes on to cut what it plays for as long as it is asked", () => {
    const warmUp = new WarmUp(startOf(createHomes()));
    let played = warmUp.again();
    for (let number = 0; number < 6_000; number++) played = warmUp.again();
    expect(played.confirmed).toBe(played.killed);
    expect(played.killed).toBeGreaterThan(6_000);
  });

  it("leaves no trace in the counters and records of the loop that is to work", () => {
    const start = startOf(createHomes());
    const before = new Uint8Array(start.counters).slice();
    new WarmUp(start);
    expect(new Uint8Array(start.counters)).toEqual(before);
    expect(new RecordRing(start.records).usedBytes).toBe(0);
  });
});
