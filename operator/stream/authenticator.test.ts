import { describe, expect, it } from "vitest";
import type { KubeClient } from "../../kube/mod.ts";
import { Authenticator } from "./authenticator.ts";
import { MAX_REVIEWS, MAX_REVIEWS_OF_ADDRESS, MAX_REVIEWS_UNDER_WAY } from "./limits.ts";

const USER = "system:serviceaccount:flowreset-system:flowreset-sensor";

/** Looks like a token of a sensor, as anybody can make one. */
function tokenOf(number: number): string {
  return `Bearer e30.${Buffer.from(JSON.stringify({ sub: USER, number })).toString("base64url")}.AA`;
}

/** An API server that answers when it is told to: what reviews are under way at one time cannot be held open in a real one. */
function open() {
  const waiting: (() => void)[] = [];
  const review = () => new Promise((resolve) => waiting.push(() => resolve({ status: { authenticated: false } })));
  const authenticator = new Authenticator({ client: { review } as unknown as KubeClient, user: USER, audience: "a", nowMs: () => 0 });
  return { authenticator, waiting, answer: () => waiting.splice(0).forEach((resolve) => resolve()) };
}

/** How many of so many tokens are not being reviewed, but told to come again. */
async function refusedOf(authenticator: Authenticator, from: (number: number) => string, count: number): Promise<number> {
  let refused = 0;
  for (let number = 0; number < count; number++) void authenticator.authenticate(tokenOf(number), from(number)).then((answer) => (refused += "status" in answer && answer.status === 503 ? 1 : 0));
  await new Promise(setImmediate);
  return refused;
}

describe("tokens that only the API server can judge", () => {
  it("are reviewed a few at one time from one address, so that others find room", async () => {
    const { authenticator } = open();
    expect(await refusedOf(authenticator, () => "10.0.0.1", 100)).toBe(100 - MAX_REVIEWS_OF_ADDRESS);
    void authenticator.authenticate(tokenOf(1_000), "10.0.0.2");
    expect(authenticator.figures.underWay).toBe(MAX_REVIEWS_OF_ADDRESS + 1);
  });

  it("wait for their turn where many come at one time, and are told to come again only where too many wait", async () => {
    const { authenticator, waiting, answer } = open();
    expect(await refusedOf(authenticator, (number) => `10.0.${number >> 8}.${number & 255}`, MAX_REVIEWS + 3)).toBe(3);
    let most = 0;
    let asked = 0;
    while (waiting.length > 0) {
      most = Math.max(most, waiting.length);
      asked += waiting.length;
      answer();
      await new Promise(setImmediate);
    }
    // Each is asked about twice.
    expect([most, asked, authenticator.figures.underWay]).toEqual([MAX_REVIEWS_UNDER_WAY, 2 * MAX_REVIEWS, 0]);
  });

  it("find room again when others have been judged", async () => {
    const { authenticator, answer } = open();
    await refusedOf(authenticator, () => "10.0.0.1", 100);
    // Each is asked about twice: for our audience, then for the API server's own.
    for (let times = 0; times < 2; times++) {
      answer();
      await new Promise(setImmediate);
    }
    expect(authenticator.figures.underWay).toBe(0);
    const judged = authenticator.authenticate(tokenOf(1_000), "10.0.0.1");
    await new Promise(setImmediate);
    expect(authenticator.figures.underWay).toBe(1);
    answer();
    await new Promise(setImmediate);
    answer();
    expect(await judged).toMatchObject({ status: 401 });
  });
});
