import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { defaultSettings, flowReset } from "../crds/mod.ts";
import type { FlowReset, LoadedObject } from "../crds/mod.ts";
import { HeldEndsFile, type ResetResult } from "./cluster/mod.ts";
import { ClusterResets } from "./clusterResets.ts";
import type { ResetFlow, ResetLine } from "./control/mod.ts";
import { compile, FlowResetField } from "./decide/mod.ts";
import type { CompiledPolicy } from "./decide/mod.ts";
import { formatAddress } from "./decode/mod.ts";
import { createLog } from "./report/mod.ts";
import type { HeldBetween } from "./resetRuns.ts";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

function resetObject(name: string, hold: string, match: FlowReset["spec"]["match"] = { client: { ip: "10.0.0.1" } }): LoadedObject {
  const object = flowReset.parse({ apiVersion: "flowreset.io/v1alpha1", kind: "FlowReset", metadata: { name, namespace: "shop" }, spec: { match, hold } });
  return { kind: "FlowReset", object, name, namespace: "shop", file: "", line: 0, fingerprint: name };
}

/** Runs as the board would, told by the test what becomes of them. */
class World {
  readonly acted = new Set<string>();
  readonly held: HeldEndsFile;
  /** Match of what was started last. */
  match: unknown;
  compiled = 0;
  readonly pods = new Map<string, string>([["10.0.0.1", "pod-1"]]);
  /** When the pods began. */
  podsStartedMs = 0;
  readonly started: { hold: string; tell: (line: ResetLine) => void; onHeld: (between: HeldBetween) => void }[] = [];
  /** Whether a connection that nobody has seen may be asked for. */
  readonly asked: boolean[] = [];
  readonly released: number[] = [];
  readonly results: ResetResult[] = [];
  readonly resets: ClusterResets;
  ofNode = "10.0.0.1";
  nowMs = NOW;
  #hold = "";

  constructor(machineStartMs = 0, directory?: string) {
    this.held = new HeldEndsFile(directory, (error) => {
      throw error;
    });
    this.resets = new ClusterResets({
      keeper: {
        compileReset: (reset) => {
          this.compiled++;
          this.#hold = (reset.object.spec as { hold: string }).hold;
          return compile({ objects: [reset], settings: defaultSettings(), interfaces: [] });
        },
      },
      board: {
        start: (_, compiled, tell, isOurs = true, onHeld = () => {}) => {
          this.asked.push(isOurs);
          this.match = matchOf(compiled);
          return this.started.push({ hold: this.#hold, tell, onHeld });
        },
        release: (run) => void this.released.push(run),
      },
      acted: this.acted,
      held: this.held,
      log: createLog("silent", false),
      nowMs: () => this.nowMs,
      machineStartMs,
      onResult: (result) => void this.results.push(result),
      isOfNode: (address) => address === this.ofNode,
      podAt: (address) => {
        const uid = this.pods.get(address);
        return uid === undefined ? undefined : { uid, startedMs: this.podsStartedMs };
      },
    });
  }

  /** Holds of what was started. */
  see(uid: string, hold: string, ageMs: number): string[] {
    this.resets.onReset({ uid, object: resetObject(uid, hold), createdMs: NOW - ageMs });
    return this.started.map((run) => run.hold);
  }
}

/** Of one that names both ends, or one. */
function matchOf({ flowResets }: CompiledPolicy): object {
  const end = (at: number, port: number): object => {
    const [word0, word1, word2, word3] = flowResets.subarray(at, at + 4);
    return { ip: formatAddress(word0!, word1!, word2!, word3!), ...(flowResets[port] === 0 ? {} : { port: flowResets[port] }) };
  };
  return { client: end(FlowResetField.Client, FlowResetField.ClientPort), server: end(FlowResetField.Server, FlowResetField.ServerPort) };
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

  it.each<[string, number, string[]]>([
    ["is not run where an address that it names has a pod that began later: that one is innocent", 60 * SECOND, []],
    ["is run where the pod was there, or the clocks differ a little", 115 * SECOND, ["60000ms"]],
  ])("seen late %s", (_, podAgeMs, started) => {
    const world = new World();
    world.podsStartedMs = NOW - podAgeMs;
    expect(world.see("a", "3m", 2 * MINUTE)).toEqual(started);
  });

  it("knows its pod however a person has written the address", () => {
    const world = new World();
    world.ofNode = "fd00::7";
    world.resets.onReset({ uid: "a", object: resetObject("a", "0s", { client: { ip: "FD00:0:0::0007", port: 1 }, server: { ip: "10.0.0.2", port: 2 } }), createdMs: NOW });
    expect(world.asked).toEqual([true]);
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

  it("holds nothing any more where its namespace may not enforce any more, as a policy's would", () => {
    const world = new World();
    world.see("a", "60s", 0);
    world.resets.onView({ enforceable: () => true });
    expect(world.released).toEqual([]);
    world.resets.onView({ enforceable: (namespace) => namespace !== "shop" });
    world.resets.onView({ enforceable: () => false });
    expect(world.released).toEqual([1]);
  });

  it("reports each connection once, and how it ended", () => {
    const world = new World();
    world.see("a", "0s", 0);
    const { tell } = world.started[0]!;
    const flow = { type: "flow", connection: "1 2", client: { ip: "10.0.0.1", port: 1 }, server: { ip: "10.0.0.2", port: 2 }, outcome: "Confirmed" } as ResetFlow;
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

describe("a FlowReset that holds, when its sensor starts again", () => {
  const between = { client: "10.0.0.1", server: "10.0.0.2", serverPort: 443 };
  const flow = (outcome: string, suppressed = false) => ({ type: "flow", connection: "1 2", client: { ip: "10.0.0.1", port: 40_000 }, server: { ip: "10.0.0.2", port: 443 }, outcome, suppressed }) as unknown as ResetFlow;
  const done = { type: "done", phase: "Succeeded", reason: "", message: "" } as const;

  /** What the first of two sensors has held, seen by the second `laterMs` afterwards. */
  function again(hold: string, held: readonly HeldBetween[], laterMs: number, change: (world: World) => void = () => {}): World {
    const directory = mkdtempSync(join(tmpdir(), "flowreset-"));
    const first = new World(0, directory);
    first.see("a", hold, 0);
    const { tell, onHeld } = first.started[0]!;
    // Of several connections between the same ends each is told.
    for (const ends of [...held, ...held]) onHeld(ends);
    tell(flow("Confirmed"));
    tell(done);
    const next = new World(0, directory);
    rmSync(directory, { recursive: true });
    next.acted.add("a");
    next.nowMs = NOW + laterMs;
    change(next);
    next.see("a", hold, 0);
    return next;
  }

  it("goes on between the ends that it held, for the rest of the window, and asks for nothing", () => {
    const next = again("60s", [between], 20 * SECOND);
    expect([next.started.map(({ hold }) => hold), next.asked]).toEqual([["40000ms"], [false]]);
    expect(next.match).toMatchObject({ client: { ip: "10.0.0.1" }, server: { ip: "10.0.0.2", port: 443 } });
  });

  it.each<[string, readonly HeldBetween[], number, (world: World) => void]>([
    ["of which nothing was held: asked for once, or held back by a guard", [], SECOND, () => {}],
    ["whose window is over", [between], 60 * SECOND, () => {}],
    ["whose client's address has another pod now", [between], SECOND, (world) => world.pods.set("10.0.0.1", "pod-2")],
    ["whose server's address has got a pod", [between], SECOND, (world) => world.pods.set("10.0.0.2", "pod-2")],
  ])("does nothing for one %s", (_, held, laterMs, change) => {
    expect(again("60s", held, laterMs, change).started).toEqual([]);
  });

  it("holds many ends some at a time, of which a Worker has room for all, and compiles once for those", () => {
    const many = Array.from({ length: 150 }, (_, index) => ({ ...between, serverPort: 1_000 + index }));
    const next = again("60s", many, SECOND);
    const runs: number[] = [];
    for (let ended = 0; ended < next.started.length; ended++) {
      runs.push(next.started.length - ended);
      next.started[ended]!.tell(done);
    }
    expect([next.started.length, Math.max(...runs), next.compiled]).toEqual([150, 64, 3]);
    next.resets.onGone("a");
    expect(next.released).toHaveLength(150);
  });

  it("begins with no more of them when the object is gone", () => {
    const many = Array.from({ length: 150 }, (_, index) => ({ ...between, serverPort: 1_000 + index }));
    const next = again("60s", many, SECOND);
    next.resets.onGone("a");
    for (const { tell } of [...next.started]) tell(done);
    expect([next.started.length, next.released.length]).toEqual([64, 64]);
  });

  it("is not run a second time when the same sensor sees it again", () => {
    const next = again("60s", [between], SECOND);
    next.see("a", "60s", 0);
    expect(next.started).toHaveLength(1);
  });

  it("ends all that it holds when the object is gone", () => {
    const next = again("60s", [between], SECOND);
    next.resets.onGone("a");
    expect(next.released).toEqual([1]);
  });

  it("reports what it cuts then, and no failure that takes back what was done", () => {
    const next = again("60s", [between], SECOND);
    next.started[0]!.tell({ type: "done", phase: "Failed", reason: "TooManyFlows", message: "" });
    expect(next.results).toEqual([]);
    next.started[0]!.tell(flow("Confirmed"));
    expect(next.results).toMatchObject([{ phase: "Active", flows: [{ outcome: "Confirmed" }] }]);
  });

  it("holds again what it named and nobody had opened", () => {
    const directory = mkdtempSync(join(tmpdir(), "flowreset-"));
    const first = new World(0, directory);
    const named = resetObject("a", "60s", { client: { ip: "10.0.0.1", port: 40_000 }, server: { ip: "10.0.0.2", port: 443 } });
    first.resets.onReset({ uid: "a", object: named, createdMs: NOW });
    first.started[0]!.onHeld(between);
    first.started[0]!.tell(done);
    const next = new World(0, directory);
    rmSync(directory, { recursive: true });
    next.acted.add("a");
    next.resets.onReset({ uid: "a", object: named, createdMs: NOW });
    // The client's port stays: its other connections were never asked for.
    expect(next.match).toMatchObject({ client: { ip: "10.0.0.1", port: 40_000 }, server: { ip: "10.0.0.2", port: 443 } });
  });
});
