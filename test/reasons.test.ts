import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Reason } from "../sensor/decide/mod.ts";
import { OutcomeReason } from "../sensor/inject/mod.ts";

it("docs/reasons.md explains each reason that there is, and no other", () => {
  const [refused, ended] = readFileSync(join(import.meta.dirname, "../docs/reasons.md"), "utf8").split("## What became of a reset") as [string, string];
  const explained = (text: string, column: RegExp): string[] => text.split("\n").flatMap((line) => [...(column.exec(line)?.[1] ?? "").matchAll(/`(\w+)`/g)].map(([, word]) => word!));
  expect(explained(refused, /^\| (`[^|]*) \|/).toSorted()).toEqual(Object.values(Reason).toSorted());
  expect(explained(ended, /^\| \w+ \| ([^|]*) \|/).toSorted()).toEqual(Object.keys(OutcomeReason).toSorted());
});
