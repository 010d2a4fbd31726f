import { expect, it } from "vitest";
import { RESOURCES } from "../../kube/mod.ts";
import type { KubeClient, Resource } from "../../kube/mod.ts";
import { MetricsAccess } from "./metricsAccess.ts";

/** Knows "scraper" and "nobody", of which one may read; everything else is no token. */
class Reviews {
  asked = 0;
  isDown = false;
  readonly review = (async (resource: Resource, { spec }: { spec: { token?: string; user?: string } }) => {
    this.asked++;
    if (this.isDown) throw new Error("away");
    if (resource !== RESOURCES.tokenReviews) return { status: { allowed: spec.user === "scraper" } };
    return { status: { authenticated: ["scraper", "nobody"].includes(spec.token!), user: { username: spec.token } } };
  }) as unknown as KubeClient["review"];
}

it.each([
  ["the right", "Bearer scraper", 200],
  ["no right", "Bearer nobody", 403],
  ["a token that nobody knows", "Bearer forged", 401],
  ["no token", undefined, 401],
  ["another scheme", "Basic c2NyYXBlcg==", 401],
  ["a token with a line break", "Bearer scraper\r\nx", 401],
])("who comes with %s is told so", async (_, authorization, status) => {
  expect(await new MetricsAccess(new Reviews()).check(authorization)).toBe(status);
});

it("asks once for a token in a minute, however many come with it, and again after it", async () => {
  const reviews = new Reviews();
  let nowMs = 0;
  const access = new MetricsAccess(reviews, () => nowMs);
  expect(await Promise.all([access.check("Bearer scraper"), access.check("Bearer scraper")])).toEqual([200, 200]);
  expect(await access.check("Bearer scraper")).toBe(200);
  expect(reviews.asked).toBe(2);
  nowMs = 60_001;
  await access.check("Bearer scraper");
  expect(reviews.asked).toBe(4);
});

it("lets nobody in while the API server does not answer, and does not remember that", async () => {
  const reviews = new Reviews();
  const access = new MetricsAccess(reviews);
  reviews.isDown = true;
  expect(await access.check("Bearer scraper")).toBe(503);
  reviews.isDown = false;
  expect(await access.check("Bearer scraper")).toBe(200);
});

it("asks for a few strangers at a time only", async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => i).reduce<Promise<number>[]>((all, i) => [...all, shared.check(`Bearer stranger-${i}`)], []));
  expect(answers.filter((status) => status === 503)).toHaveLength(6);
});
const shared = new MetricsAccess(new Reviews());
