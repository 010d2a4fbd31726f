import { expect, it } from "vitest";
import { parseThrottling, readThrottling } from "./throttling.ts";

it.each([
  ["version 2", "usage_usec 9\nnr_periods 10\nnr_throttled 3\nthrottled_usec 250000\n", { periods: 3, seconds: 0.25 }],
  ["version 1", "nr_periods 10\nnr_throttled 3\nthrottled_time 250000000\n", { periods: 3, seconds: 0.25 }],
  ["without a limit controller", "usage_usec 9\n", undefined],
])("reads what cgroup %s says", (_, stat, expected) => {
  expect(parseThrottling(stat)).toEqual(expected);
});

it("says nothing where no limit is set", () => {
  expect(readThrottling(["/proc/self/stat"], ["/nowhere"])).toBeUndefined();
});
