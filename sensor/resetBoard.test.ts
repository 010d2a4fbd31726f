/** A FlowReset over several Workers: counted before anything is sent, each connection once, one Worker asks. */
import { expect, test } from "vitest";
import { parseDocuments, defaultSettings } from "../crds/mod.ts";
import type { ResetLine } from "./control/mod.ts";
import { compile } from "./decide/mod.ts";
import { ResetBoard } from "./resetBoard.ts";
import type { HeldBetween, RunLine } from "./resetRuns.ts";
import type { ToWorker } from "./workerMessages.ts";

const EXACT = "client: {ip: 10.0.0.1, port: 40000}, server: {ip: 10.0.0.2, port: 80}";

function begin(workers: number, match = "client: {ip: 10.0.0.1}, server: {ip: 10.0.0.2, port: 80}") {
  const text = `{apiVersion: flowreset.io/v1alpha1, kind: ClusterFlowReset, metadata: {name: r}, spec: {match: {${match}}, maxFlows: 3}}`;
  const { objects } = parseDocuments(text, "test", { standalone: true });
  const { compiled } = compile({ objects, settings: defaultSettings(), interfaces: [] });
  const sent: [worker: number, message: ToWorker][] = [];
  const told: ResetLine[] = [];
  const held: HeldBetween[] = [];
  const board = new ResetBoard(() => ({ count: workers, postTo: (worker, message) => sent.push([worker, message]) }), () => 1);
  board.start("r", compiled, (line) => told.push(line), true, (between) => held.push(between));
  const { run } = sent[0]![1] as Extract<ToWorker, { kind: "reset" }>;
  const goes = () => sent.flatMap(([worker, message]) => (message.kind === "resetGo" ? [[worker, message.spared, message.unseen]] : []));
  return { board, told, held, goes, sent, says: (worker: number, line: RunLine) => board.onRecord({ worker, run, line }) };
}

test("nobody acts before all have counted, and a connection that two have seen is one of the first's", () => {
  const { told, goes, says } = begin(3);
  says(1, { type: "matched", connections: ["7 8", ""] });
  says(0, { type: "matched", connections: ["7 8"] });
  expect([told, goes()]).toEqual([[], []]);
  says(2, { type: "matched", connections: [""] });
  expect(told).toEqual([{ type: "matched", count: 3 }]);
  expect(goes()).toEqual([[0, [], "no"], [1, ["7 8"], "no"], [2, [], "no"]]);
});

test("too many in all is too many, though no Worker has as many: none acts", () => {
  const { board, told, goes, says } = begin(2);
  says(0, { type: "matched", connections: ["1 2", "3 4"] });
  says(1, { type: "matched", connections: ["5 6", "7 8"] });
  expect(goes()).toEqual([[0, "all", "no"], [1, "all", "no"]]);
  expect(told.at(-1)).toEqual({ type: "done", phase: "Failed", reason: "TooManyFlows", message: "TooManyFlows: 4 connections matched" });
  expect(board.underWay).toBe(0);
});

test.each([
  ["one that can be asked for counts as one, and the Worker alone that will hear the answers asks", EXACT, 1, "ask"],
  ["several that nobody has seen are none, and held where that is wished", undefined, 0, "hold"],
])("%s", (_name, match, count, second) => {
  const { told, goes, says } = begin(2, match);
  says(0, { type: "matched", connections: [] });
  says(1, { type: "matched", connections: [] });
  expect([told, goes()]).toEqual([[{ type: "matched", count }], [[0, [], "hold"], [1, [], second]]]);
});

test("a Worker that has no room says so, and the others' part goes on", () => {
  const { told, goes, says } = begin(2);
  says(0, { type: "settled", failed: "TooManyFlowResets" });
  says(1, { type: "matched", connections: ["1 2"] });
  expect(goes()).toHaveLength(2);
  says(1, { type: "settled", failed: "" });
  expect(told.at(-1)).toMatchObject({ type: "done", reason: "TooManyFlowResets" });
});

test("says how many more bear an address of the namespace and are no pod's of it", () => {
  const { says, told } = begin(2);
  says(0, { type: "matched", connections: [], leftAlone: 2 });
  says(1, { type: "matched", connections: [] });
  for (const worker of [0, 1]) says(worker, { type: "settled", failed: "" });
  expect(told.at(-1)).toMatchObject({ message: "no connection matched; 2 were left alone, seen at no pod of this namespace" });
});

test("what is to be held no more, before a Worker was told to act, is let go as soon as it is held", () => {
  const { board, sent, says } = begin(2);
  board.release(1);
  says(0, { type: "matched", connections: [] });
  says(1, { type: "matched", connections: ["1 2"] });
  const lastOf = (asked: number) => sent.filter(([worker]) => worker === asked).map(([, { kind }]) => kind).slice(-2);
  expect([lastOf(0), lastOf(1)]).toEqual([["resetGo", "resetRelease"], ["resetGo", "resetRelease"]]);
});

test("what a Worker holds is told to whoever keeps it, and is no line of the run", () => {
  const { told, held, says } = begin(1);
  const between = { client: "10.0.0.1", server: "10.0.0.2", serverPort: 80 };
  says(0, { type: "matched", connections: [] });
  says(0, { type: "held", ...between });
  says(0, { type: "settled", failed: "" });
  expect([held, told.map(({ type }) => type)]).toEqual([[between], ["matched", "done"]]);
});
