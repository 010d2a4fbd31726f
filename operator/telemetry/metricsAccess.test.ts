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

function world() {
  const reviews = new Reviews();
  const clock = { ms: 0 };
  return { reviews, clock, access: new MetricsAccess(reviews, () => clock.ms) };
}

it.each([
  ["the right", "Bearer scraper", 200],
  ["no right", "Bearer nobody", 403],
  ["a token that nobody knows", "Bearer forged", 401],
  ["no token", undefined, 401],
  ["an empty token", "Bearer ", 401],
  ["another scheme", "Basic c2NyYXBlcg==", 401],
  ["a token with a line break", "Bearer scraper\r\nx", 401],
  ["a token without end", `Bearer ${"s".repeat(8_193)}`, 401],
])("who comes with %s is told so", async (_, authorization, status) => {
  expect(await world().access.of(authorization)).toBe(status);
});

it.each([
  ["a right", "scraper", 60_000],
  ["a refusal", "nobody", 10_000],
])("%s holds for a while, however many come with the token, and no longer", async (_, name, holdsMs) => {
  const { reviews, clock, access } = world();
  const [one, two] = await Promise.all([access.of(`Bearer ${name}`), access.of(`Bearer ${name}`)]);
  expect(two).toBe(one);
  clock.ms = holdsMs - 1;
  expect(await access.of(`Bearer ${name}`)).toBe(one);
  expect(reviews.asked).toBe(2);
  clock.ms = holdsMs;
  await access.of(`Bearer ${name}`);
  expect(reviews.asked).toBe(4);
});

it("lets nobody in while the API server does not answer, and does not remember that", async () => {
  const { reviews, access } = world();
  reviews.isDown = true;
  expect(await access.of("Bearer scraper")).toBe(503);
  reviews.isDown = false;
  expect(await access.of("Bearer scraper")).toBe(200);
});

it("asks for a few strangers at a time only", async () => {
  const { access } = world();
  const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => access.of(`Bearer stranger-${i}`)));
  expect(answers.filter((status) => status === 503)).toHaveLength(4);
});

it("forgets the oldest of many, and keeps the newest", async () => {
  const { reviews, access } = world();
  await access.of("Bearer scraper");
  for (let stranger = 0; stranger < 256; stranger++) await access.of(`Bearer stranger-${stranger}`);
  const before = reviews.asked;
  await access.of("Bearer stranger-1");
  expect(reviews.asked).toBe(before);
  await access.of("Bearer scraper");
  expect(reviews.asked).toBe(before + 2);
});
