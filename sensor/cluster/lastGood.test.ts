import { describe, expect, it } from "vitest";
import { LastGoodObjects } from "./lastGood.ts";
import type { WatchedObject } from "./lastGood.ts";

const rules = [{ name: "r", ports: ["80"], connection: {} }];
const policy = (name: string, generation: number, spec: object, uid = name): WatchedObject & { spec: object } => ({ apiVersion: "flowreset.io/v1alpha1", kind: "ResponsePolicy", metadata: { name, namespace: "shop", uid, generation }, spec }) as never;
const good = (name: string, generation = 1, mode = "Observe"): WatchedObject => policy(name, generation, { mode, rules });
const bad = (name: string, generation = 1): WatchedObject => policy(name, generation, { mode: "Obsrve", rules });
const taken = (...objects: readonly WatchedObject[]): LastGoodObjects => {
  const all = new LastGoodObjects(undefined);
  for (const object of objects) all.take(object);
  return all;
};
const modes = (all: LastGoodObjects): string[] => all.objects().map(({ name, object }) => `${name} ${(object.spec as { mode: string }).mode}`);

describe("objects of an API server", () => {
  it("are in force with their defaults", () => {
    expect(taken(good("a")).objects()[0]).toMatchObject({ kind: "ResponsePolicy", namespace: "shop", name: "a", file: "ResponsePolicy shop/a", object: { spec: { severity: "Medium" } } });
  });

  it("that are broken stay as they were last good, with the field named, and the others untouched", () => {
    const all = taken(good("a", 1, "Enforce"), good("b"), bad("a", 2));
    expect(modes(all)).toEqual(["a Enforce", "b Observe"]);
    expect(all.failures()).toEqual([{ kind: "ResponsePolicy", namespace: "shop", name: "a", uid: "a", generation: 2, message: expect.stringMatching(/^spec\.mode: .*"Obsrve"/) }]);
    expect([all.stale(), all.withheld()]).toEqual([["ResponsePolicy shop/a"], []]);
  });

  it("that were never good are not in force, and nothing is kept of them for the disk", () => {
    const all = taken(bad("a"));
    expect([all.objects(), all.sources(), all.withheld()]).toEqual([[], [], [{ file: "ResponsePolicy shop/a", kinds: ["ResponsePolicy"] }]]);
  });

  it("made anew under an old name have no share in what the old one was", () => {
    const all = taken(good("a", 1, "Enforce"), policy("a", 1, { mode: "Obsrve", rules }, "another"));
    expect(all.objects()).toEqual([]);
  });

  it("mended are no failure any more; deleted they are gone", () => {
    const all = taken(good("a"), bad("a", 2), good("a", 3, "Enforce"));
    expect([all.failures(), modes(all)]).toEqual([[], ["a Enforce"]]);
    expect([all.remove(good("a")), all.remove(good("a")), all.objects()]).toEqual([true, false, []]);
  });

  it("tell nothing new while only their status changes", () => {
    const all = new LastGoodObjects(undefined);
    expect([all.take(good("a")), all.take({ ...good("a") }), all.take(good("a", 2))]).toEqual([true, false, true]);
  });

  it("of a newer CRD are read as far as they are known here, and what is not is named", () => {
    const all = taken(policy("a", 1, { mode: "Enforce", rules, invention: 1 }));
    expect(modes(all)).toEqual(["a Enforce"]);
    expect(all.notes()).toMatchObject([{ file: "ResponsePolicy shop/a", line: 0, field: "spec.invention" }]);
  });

  it("come back from the disk, and those that the API server no longer has go", () => {
    const before = taken(good("a"), good("b"), bad("b", 2));
    const after = taken(...(JSON.parse(JSON.stringify(before.sources())) as WatchedObject[]));
    expect(after.objects().map(({ name }) => name)).toEqual(["a", "b"]);
    after.retain(["ResponsePolicy"], new Set(["b"]));
    expect(after.objects().map(({ name }) => name)).toEqual(["b"]);
  });
});
