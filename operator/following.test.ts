import { describe, expect, it } from "vitest";
import type { KubeClient } from "../kube/mod.ts";
import { Following } from "./following.ts";
import { createLog } from "./log.ts";

describe("the work of a leader", () => {
  it("is left alone as soon as its lease may be another's, as after a long sleep of the process, and goes on where it was not", async () => {
    let isLeading = true;
    const following = new Following({} as KubeClient, createLog("silent"), () => isLeading, () => {});
    const done: string[] = [];
    const queue = following.queue("things", async (key) => void done.push(key));
    queue.add("first");
    await expect.poll(() => done).toEqual(["first"]);
    isLeading = false;
    queue.add("second");
    await expect.poll(() => queue.figures.done).toBe(2);
    expect(done).toEqual(["first"]);
    isLeading = true;
    await expect.poll(() => done, { timeout: 5_000 }).toEqual(["first", "second"]);
    await following.close();
  });
});
