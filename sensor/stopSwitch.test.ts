import { expect, it } from "vitest";
import { Stop } from "./decide/mod.ts";
import { createLog } from "./report/mod.ts";
import { StopSwitch } from "./stopSwitch.ts";

it("holds while the node or the fleet asks for the stop, and tells of each change once", () => {
  const stop = new StopSwitch(createLog("silent", false));
  const words: number[] = [];
  stop.set(Stop.Emergency, true);
  stop.follow(() => words.push(stop.word[0]!));
  stop.set(Stop.ObserveOnlyFleet, true);
  stop.set(Stop.Emergency, false);
  expect([stop.isStopped, stop.isStoppedBy(Stop.Emergency), stop.isStoppedBy(Stop.ObserveOnlyFleet)]).toEqual([true, false, true]);
  stop.set(Stop.ObserveOnlyFleet, false);
  stop.set(Stop.ObserveOnlyFleet, false);
  expect(words).toEqual([Stop.Emergency, Stop.Emergency | Stop.ObserveOnlyFleet, Stop.ObserveOnlyFleet, Stop.No]);
});
