import { describe, expect, it } from "vitest";
import { flowReset } from "../crds/mod.ts";
import type { LoadedObject } from "../crds/mod.ts";
import type { ResetResult } from "./cluster/mod.ts";
import { ClusterResets } from "./clusterResets.ts";
import type { ResetFlow, ResetLine } from "./control/mod.ts";
import { createLog } from "./report/mod.ts";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

function resetObject(name: string, hold: string): LoadedObject {
  const object = flowReset.parse({ apiVersion: "flowreset.io/v1alpha1", kind: "FlowReset", metadata: { name, namespace: "shop" }, spec: { match: { client: { ip: "10.0.0.1" } }, hold } });
  return { kind: "FlowReset", object, name, namespace: "shop", file: "", line: 0, fingerprint: name };
}

/** Runs as the board would, told by the test what becomes of them. */
class World {
  readonly acted = new Set<string>();
  readonly started: { hold: string; tell: (line: ResetLine) => void }[] = [];
  /** Whether a connection that nobody has seen may be asked for. */
  readonly asked: boolean[] = [];
  readonly released: number[] = [];
  readonly results: ResetResult[] = [];
  readonly resets: ClusterResets;
  ofNode = "10.0.0.1";
  #hold = "";

  constructor(machineStartMs = 0) {
    this.resets = new ClusterResets({
      keeper: {
        compileReset: (reset) => {
          this.#hold = (reset.object.spec as { hold: string }).hold;
          return { compiled: { flowResetCount: 1 } as never, notes: [] };
        },
      },
      board: {
        start: (_, __, tell, isOurs = true) => {
          this.asked.push(isOurs);
          return this.started.push({ hold: this.#hold, tell });
        },
        release: (run) => void this.released.push(run),
      },
      acted: this.acted,
      log: createLog("silent", false),
      nowMs: () => NOW,
      machineStartMs,
      onResult: (result) => void this.results.push(result),
      isOfNode: (address) => address === this.ofNode,
    });
  }

  /** Holds of what was started. */
  see(uid: string, hold: string, ageMs: number): string[] {
    this.resets.onReset({ uid, object: resetObject(uid, hold), createdMs: NOW - ageMs });
    return this.started.map((run) => run.hold);
  }
}

describe("a FlowReset of a cluster", () => {
  it("is run once, whatever is told of it again", () => {
    const world = new World();
    expect(world.see("a", "0s", 0)).toEqual(["0s"]);
    expect(world.see("a", "0s", 0)).toEqual(["0s"]);
  });

  it.each<[string, string, number, string[]]>([
    ["made a moment ago holds for its whole window", "60s", 5 * SECOND, ["60s"]],
    ["made by a clock that is ahead counts as new", "60s", -30 * SECOND, ["60s"]],
    ["seen late holds for the rest of its window", "60s", 20 * SECOND, ["40000ms"]],
    ["whose window is over is not run", "60s", 60 * SECOND, []],
    ["without hold is run while its connections may live", "0s", 4 * MINUTE, ["0s"]],
    ["without hold that is too old is not run", "0s", 6 * MINUTE, []],
  ])("%s", (_, hold, ageMs, started) => {
    expect(new World().see("a", hold, ageMs)).toEqual(started);
  });

  it("without hold from before the machine started is not run: its connections are gone", () => {
    expect(new World(NOW - MINUTE).see("a", "0s", 2 * MINUTE)).toEqual([]);
  });

  it("is asked for, where nobody has seen its connection, by the node of one of its ends alone", () => {
    const world = new World();
    world.see("a", "0s", 0);
    world.ofNode = "10.9.9.9";
    world.see("b", "0s", 0);
    expect(world.asked).toEqual([true, false]);
  });

  it("ends what it holds when it is deleted, and not a second time", () => {
    const world = new World();
    world.see("a", "60s", 0);
    world.resets.onGone("a");
    world.resets.onGone("a");
    world.resets.onGone("unknown");
    expect(world.released).toEqual([1]);
  });

  it("reports each connection once, and how it ended", () => {
    const world = new World();
    world.see("a", "0s", 0);
    const { tell } = world.started[0]!;
    const flow = { type: "flow", connection: "1 2", outcome: "Confirmed" } as ResetFlow;
    tell({ type: "matched", count: 1 });
    tell(flow);
    tell({ type: "done", phase: "Succeeded", reason: "", message: "1 of 1 connections proved dead" });
    expect(world.results.map(({ phase, matched, flows }) => [phase, matched, flows])).toEqual([["Active", 1, []], ["Active", 1, [flow]], ["Done", 1, []]]);
    expect(world.results.at(-1)).toMatchObject({ uid: "a", kind: "FlowReset", namespace: "shop", name: "a", finishedAt: new Date(NOW).toISOString() });
  });

  it("that was refused before anything left is Failed with its reason", () => {
    const world = new World();
    world.see("a", "0s", 0);
    world.started[0]!.tell({ type: "done", phase: "Failed", reason: "TooManyFlows", message: "too many" });
    expect(world.results.at(-1)).toMatchObject({ phase: "Failed", reason: "TooManyFlows" });
  });
});
