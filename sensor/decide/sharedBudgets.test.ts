import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { identityOf } from "../detect/mod.ts";
import { createBudgets } from "./budgetMemory.ts";
import { Judge } from "./judge.fixture.ts";
import { policy, settings } from "./objects.fixture.ts";
import { Bucket, RateBudget } from "./rateBudget.ts";
import type { Spender } from "./rateBudget.fixture.ts";

const NOW_MS = 1_700_000_000_000;
const SOURCE = Int32Array.of(0, 0, 0xffff, 0x0a000001);

function budgetOver(memory: SharedArrayBuffer, capacities: readonly number[]): RateBudget {
  const budget = new RateBudget(memory);
  budget.use(Float64Array.from(capacities), Int32Array.from(capacities.flatMap((_, bucket) => identityOf(`default/${bucket}`))));
  return budget;
}

describe("the budgets that several Workers share", () => {
  it("are spent once, however many ask at the same moment", async () => {
    const [workers, capacity, asks] = [3, 1_500, 4_000];
    const memory = createBudgets(7);
    const ready = new SharedArrayBuffer(4);
    const granted = await Promise.all(Array.from({ length: workers }, async (_, worker) => {
      const workerData: Spender = { memory, ready, workers, worker, capacity, asks, nowMs: NOW_MS };
      const [counts] = await once(new Worker(new URL("./rateBudget.fixture.ts", import.meta.url), { workerData }), "message");
      return counts as [number, number];
    }));
    for (const bucket of [0, 1] as const) expect(granted.reduce((sum, counts) => sum + counts[bucket], 0)).toBe(capacity);
  });

  it("hold for the deciders of two Workers together: of the node, of a policy, and of a source", () => {
    const enforce = (limit: number) => policy({ spec: ["mode: Enforce", `limits: {connectionsPerMinutePerNode: ${limit}}`] });
    const two = (limit: number, node: number) => {
      const budgets = createBudgets(7);
      return [0, 1].map(() => new Judge([enforce(limit)], { settings: settings({ budgets: { connectionsPerMinute: node } }) }, undefined, budgets));
    };
    const ask = (judges: Judge[], clients: readonly string[]) => clients.map((client, i) => judges[i % 2]!.judge({ client }));
    const distinct = ["10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.3.1"];
    expect(ask(two(100, 3), distinct)).toEqual(["Reset", "Reset", "Reset", "Suppress NodeBudget"]);
    expect(ask(two(3, 100), distinct)).toEqual(["Reset", "Reset", "Reset", "Suppress PolicyBudget"]);
    expect(ask(two(4, 100), ["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.5.5"])).toEqual(["Reset", "Reset", "Suppress PolicyBudget", "Reset"]);
  });

  it("know a policy by its name where one Worker has the new policies before the other", () => {
    const named = (name: string) => policy({ name, spec: ["mode: Enforce", "limits: {connectionsPerMinutePerNode: 1}"] });
    const budgets = createBudgets(7);
    const [first, second] = [0, 1].map(() => new Judge([named("b")], {}, undefined, budgets)) as [Judge, Judge];
    expect(first.judge({ client: "10.0.0.1" })).toBe("Reset");
    second.swap([named("a"), named("b")]);
    expect(second.judge({ client: "10.0.1.1" }, { rule: 1 })).toBe("Suppress PolicyBudget");
    expect(second.judge({ client: "10.0.1.1" }, { rule: 0 })).toBe("Reset");
  });

  it("are full again after a minute, by the clock of whichever packets come", () => {
    const memory = createBudgets(7);
    const [first, second] = [budgetOver(memory, [60, 60, 2]), budgetOver(memory, [60, 60, 2])];
    for (const _ of [1, 2]) first.take(Bucket.FirstPolicy, SOURCE, 0, NOW_MS);
    expect([second.left(Bucket.FirstPolicy, NOW_MS - 5), second.left(Bucket.FirstPolicy, NOW_MS + 30_000)]).toEqual([0, 1]);
    expect(first.left(Bucket.FirstPolicy, NOW_MS + 60_000)).toBe(2);
  });

  it("remember the buckets in use among ten thousand that were used", () => {
    const names = 10_000;
    const budget = budgetOver(createBudgets(7), Array.from({ length: names }, () => 5));
    for (let bucket = Bucket.FirstPolicy; bucket < names; bucket++) budget.take(bucket, SOURCE, 0, NOW_MS + bucket / 100);
    let forgotten = 0;
    for (let bucket = Bucket.FirstPolicy; bucket < names; bucket++) if (budget.left(bucket, NOW_MS + 100) === 5) forgotten++;
    expect(forgotten).toBe(0);
  });
});
