import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type KubeObject, keyOf } from "./object.ts";
import { type Entry, type ReflectorEvent, Store } from "./store.ts";

const object = (name: string, version: string, uid = `uid-${name}`, spec?: unknown): KubeObject => ({ apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "n", uid, resourceVersion: version }, spec });

function open(transform: (raw: KubeObject) => KubeObject | undefined = (raw) => raw) {
  const events: ReflectorEvent[] = [];
  const store = new Store({ transform, onChange: (event) => events.push(event) });
  const list = (...raws: KubeObject[]): void => {
    const next = new Map<string, Entry<KubeObject>>();
    for (const raw of raws) {
      const entry = store.entryOf(keyOf(raw), raw);
      if (entry !== undefined) next.set(keyOf(raw), entry);
    }
    store.replaceAll(next);
  };
  const told = (): string[] => events.splice(0).map(({ type, object: { metadata }, previous }) => `${type} ${metadata.name}@${metadata.resourceVersion}${previous === undefined ? "" : ` was ${previous.metadata.resourceVersion}`}`);
  return { store, list, told };
}

describe("changes are told once, and as what they are", () => {
  it("by a watch", () => {
    const { store, told } = open();
    store.put(object("a", "1"));
    store.put(object("a", "1"));
    store.put(object("a", "2"));
    store.remove(object("a", "3"));
    store.remove(object("a", "3"));
    expect(told()).toEqual(["Added a@1", "Modified a@2 was 1", "Deleted a@3 was 2"]);
  });

  it("by a list: what is gone first, and what is the same not at all", () => {
    const { store, list, told } = open();
    list(object("a", "1"), object("b", "1"), object("c", "1"));
    told();
    const kept = store.objects.get("n/c");
    list(object("d", "5"), object("b", "4"), object("c", "1"));
    expect(told()).toEqual(["Deleted a@1 was 1", "Added d@5", "Modified b@4 was 1"]);
    expect(store.objects.get("n/c")).toBe(kept);
  });

  it.each(["put", "list"] as const)("another object of the same name is a Deleted and an Added: %s", (way) => {
    const { store, list, told } = open();
    store.put(object("a", "1", "first"));
    if (way === "put") store.put(object("a", "2", "second"));
    else list(object("a", "2", "second"));
    expect(told()).toEqual(["Added a@1", "Deleted a@1 was 1", "Added a@2"]);
  });

  it("what transform does not keep is not there, and goes when it is no longer kept", () => {
    const { store, list, told } = open((raw) => (raw.spec === "out" ? undefined : { apiVersion: "", kind: "", metadata: { name: raw.metadata.name } }));
    store.put(object("a", "1", "u", "out"));
    store.put(object("a", "2", "u"));
    store.put(object("a", "2", "u"));
    expect(store.objects.get("n/a")).toEqual({ apiVersion: "", kind: "", metadata: { name: "a" } });
    store.put(object("a", "3", "u", "out"));
    store.put(object("a", "4", "u"));
    list(object("a", "5", "u", "out"));
    expect(told().map((text) => text.split("@")[0])).toEqual(["Added a", "Deleted a", "Added a", "Deleted a"]);
    expect(store.objects.size).toBe(0);
  });
});

it("whatever comes in, the events replay to what is kept", () => {
  const raw = fc.record({ name: fc.constantFrom("a", "b", "c"), version: fc.nat(9).map(String), uid: fc.constantFrom("x", "y"), spec: fc.constantFrom("in", "in", "out") }).map(({ name, version, uid, spec }) => object(name, version, uid, spec));
  const step = fc.oneof(fc.tuple(fc.constantFrom("put", "remove"), fc.array(raw, { minLength: 1, maxLength: 1 })), fc.tuple(fc.constant("list"), fc.uniqueArray(raw, { selector: keyOf })));
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const replay = new Map<string, KubeObject>();
      const store = new Store<KubeObject>({
        transform: (one) => (one.spec === "out" ? undefined : one),
        onChange: ({ type, object: now, previous }) => {
          expect(replay.get(keyOf(now))).toBe(previous);
          expect(type === "Added").toBe(previous === undefined);
          if (type === "Deleted") replay.delete(keyOf(now));
          else replay.set(keyOf(now), now);
        },
      });
      for (const [way, raws] of steps) {
        if (way === "list") {
          const entries = raws.map((one) => [keyOf(one), store.entryOf(keyOf(one), one)] as const).filter((pair): pair is [string, Entry<KubeObject>] => pair[1] !== undefined);
          store.replaceAll(new Map(entries));
          expect([...store.objects.keys()].sort()).toEqual(entries.map(([key]) => key).sort());
        } else if (way === "put") store.put(raws[0]!);
        else store.remove(raws[0]!);
        expect(store.objects).toEqual(replay);
      }
    }),
  );
});
