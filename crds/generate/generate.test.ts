import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { z } from "zod";
import { CLUSTER_KINDS } from "../group.ts";
import { complaintsAbout, crdOf, outputs, printerColumns, structuralSchema, type Structural } from "./mod.ts";

const root = join(import.meta.dirname, "../..");
const files = outputs((path) => readFileSync(join(root, path), "utf8"));

describe("make crds", () => {
  test.each([...files])("was run since the schemas last changed: %s", (path, text) => {
    expect(readFileSync(join(root, path), "utf8") === text, `${path} differs: run make crds`).toBe(true);
  });

  it("leaves no file of a kind that is gone", () => {
    const folders = new Set([...files.keys()].map(dirname));
    const there = [...folders].flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`));
    expect(there.sort()).toEqual([...files.keys()].sort());
  });
});

describe("a CRD", () => {
  test.each(CLUSTER_KINDS)("of a %s is structural, described and bounded to the last field", (kind) => {
    const { spec, status } = crdOf(kind).spec.versions[0].schema.openAPIV3Schema.properties!;
    expect([...complaintsAbout(spec!, "spec"), ...complaintsAbout(status!, "status")]).toEqual([]);
  });

  const check = (schema: object) => complaintsAbout(schema as Structural, "x");
  it.each([
    ["a keyword that is forbidden", { type: "string", maxLength: 1, readOnly: true }, "x: has the keyword readOnly"],
    ["a reference", { $ref: "#" }, "x: has the keyword $ref"],
    ["no type", {}, "x: has the type (none)"],
    ["a union of two objects", { type: "object", anyOf: [{ type: "object" }] }, "x: has anyOf"],
    ["a number or text with a pattern inside", { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer", minimum: 1 }, { type: "string" }] }, "x: is a union in another form than integer or string"],
    ["a pattern that looks ahead", { type: "string", maxLength: 1, pattern: "^(?=a)" }, "x: has a pattern that Go cannot read: ^(?=a)"],
    ["a pattern that refers back", { type: "string", maxLength: 1, pattern: "(a)\\1" }, "x: has a pattern that Go cannot read: (a)\\1"],
    ["a format that nobody checks", { type: "string", maxLength: 1, format: "cidrv4" }, "x: has the format cidrv4, which no API server checks"],
    ["text without end", { type: "string" }, "x: is text without maxLength"],
    ["a list without end", { type: "array", items: { type: "boolean" }, "x-kubernetes-list-type": "set" }, "x: is a list without maxItems"],
    ["a list that says not how it is merged", { type: "array", items: { type: "boolean" }, maxItems: 1 }, "x: is a list without x-kubernetes-list-type"],
    ["a list keyed by what may be absent", { type: "array", items: { type: "object" }, maxItems: 1, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] }, "x: has entries that may lack their key name"],
    ["a map without end", { type: "object", additionalProperties: { type: "boolean" } }, "x: is a map without maxProperties"],
    ["an integer of no width", { type: "integer" }, "x: is an integer without a format"],
    ["a field without a word", { type: "object", properties: { a: { type: "boolean" } } }, "x.a: has no description"],
    ["a rule without a message of ours", { type: "boolean", "x-kubernetes-validations": [{ rule: "self", message: "no" }] }, "x: has a rule without a proper message: self"],
    ["a fault deep inside", { type: "array", maxItems: 1, "x-kubernetes-list-type": "atomic", items: { type: "object", maxProperties: 1, additionalProperties: { type: "string" } } }, "x[]{}: is text without maxLength"],
  ])("would be told of %s", (_name, schema, complaint) => expect(check(schema)).toContain(complaint));

  it("is not made of a union that a CRD cannot hold", () => {
    expect(() => structuralSchema(z.object({ a: z.union([z.boolean(), z.string()]) }))).toThrow(/^Cannot write this union into a CRD, expected an integer or a string/);
    expect(() => structuralSchema(z.object({ a: z.date() }))).toThrow();
  });

  it("says whole numbers in 32 or 64 bits, without JavaScript's own bounds", () => {
    expect(structuralSchema(z.object({ port: z.int().min(1).max(65_535), count: z.int().min(0) })).properties).toEqual({
      port: { type: "integer", format: "int32", minimum: 1, maximum: 65_535 },
      count: { type: "integer", format: "int64", minimum: 0 },
    });
  });

  test.each(CLUSTER_KINDS)("of a %s tells its story in columns whose titles leave room in 80 columns", (kind) => {
    const shown = printerColumns[kind].filter(({ priority }) => priority === undefined).map(({ name }) => name);
    // kubectl puts three blanks between columns; the name needs about 20.
    expect(shown.join("   ").length).toBeLessThanOrEqual(60);
    expect(new Set(printerColumns[kind].map(({ name }) => name)).size).toBe(printerColumns[kind].length);
  });
});
