import { describe, expect, it } from "vitest";
import { HomeFinder } from "./homeFinder.ts";

class World {
  nowMs = 0;
  readonly sent: string[] = [];
  readonly finder = new HomeFinder({ nowMs: () => this.nowMs, send: (address) => this.sent.push(address) });
}

describe("asking where an address lives", () => {
  it("asks at once, then ever more seldom, and never stops while it is not known", () => {
    const world = new World();
    const times: number[] = [];
    for (; world.nowMs <= 200_000; world.nowMs += 250) {
      world.finder.ask(["10.244.1.7"]);
      if (world.sent.length > times.length) times.push(world.nowMs);
    }
    expect(times.slice(0, 5)).toEqual([0, 250, 750, 1_750, 3_750]);
    expect(times.at(-1)! - times.at(-2)!).toBe(60_000);
  });

  it("begins anew for an address that was known meanwhile", () => {
    const world = new World();
    world.finder.ask(["10.244.1.7"]);
    world.finder.ask([]);
    world.finder.ask(["10.244.1.7"]);
    expect(world.sent).toHaveLength(2);
  });

  it("asks for so many in one go, and for the others the next time", () => {
    const world = new World();
    const addresses = Array.from({ length: 100 }, (_, index) => `10.244.1.${index}`);
    world.finder.ask(addresses);
    expect(world.sent).toHaveLength(64);
    world.finder.ask(addresses);
    expect(new Set(world.sent)).toEqual(new Set(addresses));
  });
});
