import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Fault, parseSignature } from "../sensor/detect/mod.ts";
import { CLUSTER_KINDS, formatRemark, parseDocuments, signatureCheck, type LoadedObject } from "./mod.ts";

const root = join(import.meta.dirname, "../examples");

const check = signatureCheck((text) => {
  const signature = parseSignature(text);
  return signature instanceof Fault ? signature.message : undefined;
});

function load(folder: string, standalone = true): { objects: LoadedObject[]; remarks: string[] } {
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith(".yaml"));
  const parsed = files.map((name) => parseDocuments(readFileSync(join(root, folder, name), "utf8"), name, { standalone, check }));
  return { objects: parsed.flatMap(({ objects }) => objects), remarks: parsed.flatMap(({ problems, notes }) => [...problems, ...notes]).map(formatRemark) };
}

const content = (objects: LoadedObject[], mode: string) =>
  objects.filter(({ kind }) => kind === "ResponsePolicy").map(({ name, object }) => [name, { ...object.spec, mode }]);

describe("examples", () => {
  it.each(["", "observe", "resets"])("are valid and wholly supported, signatures too: examples/%s", (folder) => {
    const { objects, remarks } = load(folder);
    expect(remarks).toEqual([]);
    expect(objects.length).toBeGreaterThan(0);
  });

  it("of a cluster are valid and wholly supported there: examples/cluster", () => {
    const { objects, remarks } = load("cluster", false);
    expect(remarks).toEqual([]);
    expect(objects.map(({ kind }) => kind).sort()).toEqual(CLUSTER_KINDS.filter((kind) => kind !== "SensorNode").sort());
  });

  it("of mode Observe are those of mode Enforce in all else", () => {
    const observe = load("observe").objects;
    expect(observe.map(({ object }) => (object.spec as { mode: string }).mode)).toEqual(["Observe", "Observe", "Observe"]);
    expect(content(observe, "Enforce")).toEqual(content(load("").objects, "Enforce"));
  });

  it("keep no FlowReset where a sensor that reads examples/ would run it", () => {
    expect(load("").objects.map(({ kind }) => kind)).not.toContain("FlowReset");
  });
});
