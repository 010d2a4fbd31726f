import { expect, it } from "vitest";
import { EVENTS_PER_SECOND_PER_NAMESPACE } from "./decide/mod.ts";
import { EventQuota } from "./eventQuota.ts";

it("bounds one namespace's events and no other's, and gives them back with time", () => {
  const quota = new EventQuota();
  const taken = (namespace: string, nowMs: number) => Array.from({ length: 200 }, () => quota.take(namespace, nowMs)).filter(Boolean).length;
  expect(taken("greedy", 1_000)).toBe(EVENTS_PER_SECOND_PER_NAMESPACE);
  expect(taken("greedy", 1_000)).toBe(0);
  expect(taken("modest", 1_000)).toBe(EVENTS_PER_SECOND_PER_NAMESPACE);
  expect(taken("greedy", 1_500)).toBe(EVENTS_PER_SECOND_PER_NAMESPACE / 2);
  expect(taken("greedy", 0)).toBe(0);
  expect(taken("", 1_000)).toBe(200);
});
