import { expect, it } from "vitest";
import { compareVersions, ObservedVersion } from "./observedVersion.ts";

class Watch {
  isSynced = true;
  resourceVersion: string;
  state = { connected: true, lastContactMs: 0, relists: 0, reconnects: 0 };

  constructor(resourceVersion: string) {
    this.resourceVersion = resourceVersion;
  }
}

it("stands for the newest of its watches when the others have had time to tell what came before", () => {
  const [idle, busy] = [new Watch("9"), new Watch("100")];
  const observed = new ObservedVersion([idle, busy]);
  expect(observed.read(0)).toBe("");
  expect(observed.read(249)).toBe("");
  expect(observed.read(250)).toBe("100");
  busy.resourceVersion = "120";
  expect(observed.read(300)).toBe("100");
  expect(observed.read(550)).toBe("120");
});

it("is no further than the oldest while one of them is cut off, and nowhere before the first lists", () => {
  const [cut, open] = [new Watch("9"), new Watch("100")];
  cut.state = { ...cut.state, connected: false };
  const observed = new ObservedVersion([cut, open]);
  observed.read(0);
  expect(observed.read(250)).toBe("9");
  open.isSynced = false;
  const late = new ObservedVersion([open]);
  late.read(0);
  expect(late.read(250)).toBe("");
});

it("is no further than what waits to be taken over, and goes on with it while new things come", () => {
  const watch = new Watch("100");
  let waitsSinceMs = Infinity;
  const observed = new ObservedVersion([watch], () => waitsSinceMs);
  observed.read(0);
  waitsSinceMs = 100; // Told late, and still of the version before.
  expect(observed.read(1_000)).toBe("");
  waitsSinceMs = 900;
  expect(observed.read(1_000)).toBe("100");
  watch.resourceVersion = "120";
  observed.read(1_100);
  expect(observed.read(2_000)).toBe("100");
  waitsSinceMs = Infinity;
  expect(observed.read(2_000)).toBe("120");
});

it("is not held up by being asked often", () => {
  const watch = new Watch("1");
  const observed = new ObservedVersion([watch]);
  for (let nowMs = 0; nowMs <= 1_000; nowMs += 10) {
    watch.resourceVersion = String(100 + nowMs);
    observed.read(nowMs);
  }
  expect(compareVersions(observed.read(1_001), "800")).toBeGreaterThan(0);
});

it.each([["9", "10", -1], ["10", "9", 1], ["10", "10", 0], ["12345678901234567890", "12345678901234567891", -1]])("%s beside %s", (left, right, sign) => {
  expect(Math.sign(compareVersions(left, right))).toBe(sign);
});
