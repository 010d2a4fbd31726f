import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Reason } from "../sensor/decide/mod.ts";
import { OutcomeReason } from "../sensor/inject/mod.ts";

const root = join(import.meta.dirname, "..");

it("docs/reasons.md explains each reason that there is, and no other", () => {
  const [refused, ended] = readFileSync(join(root, "docs/reasons.md"), "utf8").split("## What became of a reset") as [string, string];
  const explained = (text: string, column: RegExp): string[] => text.split("\n").flatMap((line) => [...(column.exec(line)?.[1] ?? "").matchAll(/`(\w+)`/g)].map(([, word]) => word!));
  expect(explained(refused, /^\| (`[^|]*) \|/).toSorted()).toEqual(Object.values(Reason).toSorted());
  expect(explained(ended, /^\| \w+ \| ([^|]*) \|/).toSorted()).toEqual(Object.keys(OutcomeReason).toSorted());
});

describe("docs/reasons.md explains each reason of a condition, and no other", () => {
  const text = readFileSync(join(root, "docs/reasons.md"), "utf8");
  /** Between "reason:" and the words for people, however it is chosen. */
  const reasonsIn = (...files: string[]): string[] =>
    files.flatMap((file) => [...readFileSync(join(root, file), "utf8").matchAll(/(?:reason|bad): (.+?)(?:, (?:message|good)\b|$)|judged\("\w+", "\w+", (.+?), [`"\w]/gm)].flatMap(([, said, judged]) => [...(said ?? judged)!.matchAll(/"([A-Z]\w+)"/g)].map(([, word]) => word!)));

  it.each<[string, string[], string[]]>([
    // What a sensor refuses with; Accepted is its own word.
    ["FlowReset and ClusterFlowReset", reasonsIn("operator/flowReset/words.ts", "operator/flowReset/plan.ts").filter((word) => word !== "Accepted"), ["NotReset", "TooManyFlows", "TooManyFlowResets", "NoAnswer"]],
    ["ResponsePolicy and ClusterResponsePolicy", reasonsIn("operator/policy/plan.ts", "operator/policy/enforcing.ts").filter((word) => word !== "Supported"), []],
    ["SensorFleet", reasonsIn("operator/fleet/plan.ts"), []],
    ["SensorNode", reasonsIn("sensor/cluster/nodeStatus.ts", "operator/sensorNode/controller.ts"), []],
  ])("of a %s", (kind, written, more) => {
    const section = text.split(`### ${kind}\n`)[1]!.split("\n### ")[0]!;
    const explained = section.split("\n").flatMap((line) => [...(/^\| (`[^|]*) \|/.exec(line)?.[1] ?? "").matchAll(/`(\w+)`/g)].map(([, word]) => word!));
    expect(explained.toSorted()).toEqual([...new Set([...written, ...more])].toSorted());
  });
});
