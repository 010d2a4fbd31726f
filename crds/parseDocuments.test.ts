import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_FILE_BYTES, MAX_OBJECTS_PER_FILE } from "./limits.ts";
import { parseDocuments } from "./parseDocuments.ts";
import { identityOf } from "./values/mod.ts";
import { formatRemark } from "./remark.ts";

const policyText = (name: string, extra = "") => `apiVersion: flowreset.io/v1alpha1
kind: ResponsePolicy
metadata: {name: ${name}}
spec:
  rules:
  - name: any
    connection: {}
${extra}`;
const resetText = "apiVersion: flowreset.io/v1alpha1\nkind: FlowReset\nmetadata: {generateName: kill-}\nspec: {match: {client: {ip: 10.0.0.7}}}\n";

const parse = (text: string) => parseDocuments(text, "f.yaml", { standalone: true });
const remarks = (text: string) => parse(text).problems.map(formatRemark);
const places = (text: string) => parse(text).problems.map(({ line, column, field }) => [line, column, field]);

describe("parseDocuments()", () => {
  it("gives each object with its kind, names, file and line", () => {
    const { objects, problems, notes } = parse(`# a comment\n---\n${policyText("a")}---\n${policyText("b").replace("ResponsePolicy", "ClusterResponsePolicy")}`);
    expect([problems, notes]).toEqual([[], []]);
    expect(objects.map(({ kind, namespace, name, file, line }) => [kind, namespace, name, file, line])).toEqual([
      ["ResponsePolicy", "default", "a", "f.yaml", 3],
      ["ClusterResponsePolicy", "", "b", "f.yaml", 11],
    ]);
    expect(objects.map(identityOf)).toEqual(["ResponsePolicy default/a", "ClusterResponsePolicy b"]);
  });

  it.each(["", "\n", "---\n", "# nothing\n", "---\n---\n# nothing\n...\n", "null", "\ufeff"])("finds nothing, good or bad, in %j", (text) => {
    expect(parse(text)).toEqual({ objects: [], problems: [], notes: [] });
  });

  it.each([
    ["windows line ends", policyText("a").replaceAll("\n", "\r\n")],
    ["a byte order mark", `\ufeff${policyText("a")}`],
    ["JSON", JSON.stringify({ apiVersion: "flowreset.io/v1alpha1", kind: "ResponsePolicy", metadata: { name: "a" }, spec: { rules: [{ name: "any", connection: {} }] } })],
    ["an anchor used twice", policyText("a", "  subject: {cidrs: &here [10.0.0.0/8]}\n  exempt: [{cidrs: *here}]\n")],
    ["what an API server adds", policyText("a", "status: {observedGeneration: 3}\n").replace("{name: a}", "{name: a, uid: x, resourceVersion: '1', generation: 2, creationTimestamp: null, managedFields: [{manager: kubectl}]}")],
  ])("reads %s", (_name, text) => {
    const { objects, problems } = parse(text);
    expect([problems, objects.map(({ name }) => name)]).toEqual([[], ["a"]]);
  });

  it("reads the items of a List, and of a kind's own list", () => {
    for (const kind of ["List", "ResponsePolicyList"]) {
      const text = `apiVersion: v1\nkind: ${kind}\nitems:\n- ${policyText("a").replaceAll("\n", "\n  ").trimEnd()}\n- kind: Nonsense\n`;
      expect(parse(text).objects.map(({ name, line }) => [name, line])).toEqual([["a", 4]]);
      expect(places(text)).toEqual([[11, 9, "items[1].kind"]]);
    }
  });

  it("names a generated object by its content: equal content, equal name", () => {
    const [first] = parse(resetText).objects;
    expect(first!.name).toMatch(/^kill-[b-z2-9]{5}$/);
    expect(first!.object.metadata.name).toBe(first!.name);
    expect(parse(`# moved\n${resetText}`).objects[0]!.name).toBe(first!.name);
    expect(parse(resetText.replace("10.0.0.7", "10.0.0.8")).objects[0]!.name).not.toBe(first!.name);
  });

  it("gives a fingerprint that follows what an object says, not where or how it is written", () => {
    const [first] = parse(policyText("a")).objects;
    expect(parse(`\n# moved\n${policyText("a", "  mode: Observe # the default\n")}`).objects[0]!.fingerprint).toBe(first!.fingerprint);
    for (const other of [policyText("b"), policyText("a", "  severity: Low\n"), policyText("a").replace("ResponsePolicy", "ClusterResponsePolicy"), policyText("a").replace("{name: a}", "{name: a, namespace: b}")]) {
      expect(parse(other).objects[0]!.fingerprint).not.toBe(first!.fingerprint);
    }
  });

  it("keeps the good objects beside broken ones", () => {
    expect(parse(`${policyText("a")}---\na: [\n---\n${policyText("b")}`).objects.map(({ name }) => name)).toEqual(["a", "b"]);
  });
});

describe("a problem", () => {
  it("is a line with file, line, column, field and what was expected", () => {
    expect(remarks(policyText("a", "  respond:\n    reset: {hold: 60}\n"))).toEqual([
      "f.yaml:9:19: spec.respond.reset.hold: Cannot read a duration, expected a number and its unit such as 60s, 5m or 1h30m, from 0s to 24h: current value is 60",
    ]);
  });

  it.each([
    ["at the value of a wrong scalar", policyText("a", "  mode: enforce\n"), [[8, 9, "spec.mode"]]],
    ["at the key of an unknown field", policyText("a", "  moode: Enforce\n"), [[8, 3, "spec.moode"]]],
    ["at the key of a wrong collection", policyText("a", "  limits: []\n"), [[8, 3, "spec.limits"]]],
    ["at the item of a list", policyText("a", "  tags:\n  - x\n  - 1\n"), [[10, 5, "spec.tags[1]"]]],
    ["at what should hold a missing field", policyText("a").replace("    connection: {}\n", ""), [[6, 5, "spec.rules[0]"]]],
    ["at the object where metadata is missing", policyText("a").replace("metadata: {name: a}\n", ""), [[1, 1, "metadata"]]],
    ["at the second of two equal fields", policyText("a", "  mode: Observe\n  mode: Enforce\n"), [[9, 3, "spec.mode"]]],
    ["at the place of an anchor that an alias repeats", policyText("a", "  tags: &here [1]\n  exempt: [{cidrs: *here}]\n"), [[8, 16, "spec.tags[0]"], [8, 16, "spec.exempt[0].cidrs[0]"]]],
    ["in the order of lines", policyText("a", "  tags: [1]\n  mode: x\n"), [[8, 10, "spec.tags[0]"], [9, 9, "spec.mode"]]],
    ["in a later document", `${policyText("a")}---\n${policyText("b", "  mode: x\n")}`, [[16, 9, "spec.mode"]]],
    ["where the YAML breaks", "a: 1\nb: [1\nc: 2\n", [[3, 1, ""]]],
    ["where a tab indents", "a:\n\tb: 1\n", [[2, 1, ""]]],
    ["where a tag is not known", "kind: !secret x\n", [[1, 7, ""]]],
    ["where a document is no map", "- a\n", [[1, 1, ""]]],
    ["where a key is a collection", "? [a]\n: b\n", [[1, 1, ""]]],
    ["where a name comes again", `${policyText("a")}---\n${policyText("a")}`, [[11, 18, "metadata.name"]]],
    ["where a field has no name that can be written plainly", policyText("a", "  'a.b': 1\n"), [[8, 3, 'spec["a.b"]']]],
  ])("stands %s", (_name, text, expected) => expect(places(text)).toEqual(expected));

  it("of a name used twice says where the first one is", () => {
    expect(remarks(`${policyText("a")}---\n${policyText("a")}`)).toEqual(['f.yaml:11:18: metadata.name: Cannot use a name twice, expected one ResponsePolicy default/a (the first stands on line 1): current value is "a"']);
  });

  it("of broken YAML shows the line", () => {
    expect(remarks("a: b: c\n")).toEqual(['f.yaml:1:4: Cannot read the YAML, Nested mappings are not allowed in compact mappings: current line is "a: b: c"']);
  });

  it("has no full stop, and its action first", () => {
    const text = `${policyText("A", "  mode: x\n  tagz: []\n")}---\na: [\n---\n- 1\n---\nkind: Playbook\n---\na: 1\na: 2\n---\n${resetText.replace("10.0.0.7", "x")}`;
    const { problems } = parse(text);
    expect(problems.length).toBeGreaterThanOrEqual(8);
    for (const { message } of problems) expect(message).toMatch(/^Cannot .*: current [^\n]*[^.\n]$/);
  });
});

describe("hostile text", () => {
  const megabyte = (unit: string) => unit.repeat(Math.floor(MAX_FILE_BYTES / unit.length));
  const hostile: [string, string][] = [
    ["brackets without end", megabyte("[")],
    ["maps in maps", megabyte("{a: ")],
    ["dashes in dashes", megabyte("- ")],
    ["indentation without end", Array.from({ length: 1_000 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n")],
    ["a billion laughs", `a: &a [${"x,".repeat(9)}]\n${Array.from("bcdefghijkl", (name, index) => `${name}: &${name} [${`*${String.fromCharCode(97 + index)},`.repeat(9)}]`).join("\n")}`],
    ["an alias of itself", "&a [*a]"],
    ["an alias without anchor", "a: *b"],
    ["seventy thousand fields", Array.from({ length: 70_000 }, (_, index) => `k${index}:`).join("\n")],
    ["thousands of unknown fields", policyText("a", Array.from({ length: 5_000 }, (_, index) => `  k${index}: 1`).join("\n"))],
    ["quotes", megabyte('"')],
    ["stray ends of lists", megabyte("[]]\n")],
    ["directives", megabyte("%X\n")],
    ["documents", megabyte("a\n---\n")],
    ["zeros", megabyte("\0")],
    ["commas", megabyte(",")],
    ["anchors", megabyte("&a ")],
    ["a deep loose object", policyText("a").replace("connection: {}", `beacon: ${"{a: ".repeat(100)}1${"}".repeat(100)}`)],
    ["an infinite number", "1e999999"],
    ["old YAML's types", "%YAML 1.1\n---\nkind: 2001-01-01\napiVersion: !!set {a}\nspec: !!omap [a: 1]\n"],
    ["half a surrogate", "kind: \ud800"],
    ["a text too large", " ".repeat(MAX_FILE_BYTES + 1)],
    ["a text too large as UTF-8 only", "é".repeat(MAX_FILE_BYTES / 2 + 1)],
    ["lists in lists of objects", "kind: List\nitems: [{kind: List, items: [{kind: List, items: []}]}]"],
  ];
  it.each(hostile)("of %s gives problems, no object and no exception", (_name, text) => {
    const { objects, problems } = parse(text);
    expect(objects).toEqual([]);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(101);
  });

  it(`beyond ${MAX_OBJECTS_PER_FILE} objects is told of once, and the first ones are kept`, () => {
    const text = `kind: List\nitems:\n${Array.from({ length: MAX_OBJECTS_PER_FILE + 2 }, (_, index) => `- {apiVersion: flowreset.io/v1alpha1, kind: FlowReset, metadata: {name: k${index}}, spec: {match: {client: {ip: 10.0.0.7}}}}\n`).join("")}`;
    const { objects, problems } = parse(text);
    expect([objects.length, problems.map(({ line, field }) => [line, field])]).toEqual([MAX_OBJECTS_PER_FILE, [[MAX_OBJECTS_PER_FILE + 3, `items[${MAX_OBJECTS_PER_FILE}]`]]]);
  });

  it("never throws, whatever is cut out of a good text or put into it", () => {
    const good = policyText("a", "  mode: Enforce\n  exempt: [{cidrs: [10.0.0.0/8], reason: x}]\n---\n") + resetText;
    const piece = fc.constantFrom("\n", "  ", "- ", ": ", "{", "}", "[", "]", "&a ", "*a", "!!map ", "|\n", ">-\n", '"', "'", "#", "---\n", "%", "\t", "\0", "é", "\ud800", "<<: ", "? ", "null", "~", "1e3", "spec:\n");
    fc.assert(
      fc.property(fc.nat(good.length), fc.nat(20), fc.array(piece, { maxLength: 4 }), (at, cut, pieces) => {
        const { objects, problems } = parse(good.slice(0, at) + pieces.join("") + good.slice(at + cut));
        for (const { line, column } of problems) expect(line > 0 && column > 0).toBe(true);
        expect(objects.length).toBeLessThanOrEqual(2);
      }),
      { numRuns: 500 },
    );
  });
});
