/** What can be said of the chart without Helm: its parts agree with their sources and with each other. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isMap, parseDocument } from "yaml";
import type { Node, Pair } from "yaml";
import { chartFiles, crdTemplate } from "../tools/chart.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

describe("what the chart copies", () => {
  const files = chartFiles();

  it("is what `make chart` would write today", () => {
    for (const [path, text] of files) expect(read(path), `${path} drifted: run make chart`).toBe(text);
  });

  it("is all six kinds and nothing that has no source any more", () => {
    const kept = readdirSync(join(root, "charts/flowreset/templates/crds")).map((name) => `charts/flowreset/templates/crds/${name}`);
    expect(kept.sort()).toEqual([...files.keys()].filter((path) => path.includes("/crds/")).sort());
    expect(kept).toHaveLength(6);
  });

  it("has braces that Helm would read as its own put out of its reach", () => {
    expect(crdTemplate("kind: A\nmetadata:\n  name: a\nspec: {description: 'like {{this}}'}\n", "a.yaml")).toContain(`like {{ "{{" }}this}}`);
  });

  it.each([
    ["no metadata", "kind: A\n"],
    ["labels of its own", "metadata:\n  labels: {a: b}\n  name: a\n"],
  ])("is refused where it has %s, rather than spoilt", (_, text) => {
    expect(() => crdTemplate(text, "a.yaml")).toThrow(/Cannot make a template of a\.yaml/);
  });
});

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Record<string, Schema>;
  readonly additionalProperties?: unknown;
  readonly allOf?: { readonly $ref: string }[];
  readonly $defs?: Record<string, Schema>;
}

const schema = JSON.parse(read("charts/flowreset/values.schema.json")) as Schema;

describe("values.yaml", () => {
  const pairs: { path: string; comment: string | undefined; schema: Schema | undefined }[] = [];
  const walk = (node: Node | null, at: string, described: Schema | undefined) => {
    if (!isMap(node)) return;
    for (const [index, pair] of (node.items as Pair<Node, Node>[]).entries()) {
      const path = at === "" ? String(pair.key) : `${at}.${String(pair.key)}`;
      const inner = described?.properties?.[String(pair.key)];
      // The first entry of a block carries its comment on the block.
      const comment = pair.key.commentBefore ?? (index === 0 ? node.commentBefore : undefined) ?? undefined;
      pairs.push({ path, comment, schema: inner });
      if (inner?.properties !== undefined) walk(pair.value, path, inner);
    }
  };
  walk(parseDocument(read("charts/flowreset/values.yaml")).contents as Node, "", schema);

  it("describes every value that is not merely a group of others", () => {
    expect(pairs.length).toBeGreaterThan(30);
    expect(pairs.filter(({ comment, schema: inner }) => inner?.properties === undefined && comment === undefined).map(({ path }) => path)).toEqual([]);
  });

  it("names every property of the schema, each with a description there too, and no other", () => {
    const named: string[] = [];
    const collect = (inner: Schema, at: string) => {
      for (const [name, property] of Object.entries(inner.properties ?? {})) {
        const path = at === "" ? name : `${at}.${name}`;
        expect(property.description, path).toMatch(/\.$/);
        named.push(path);
        collect(property, path);
      }
    };
    collect(schema, "");
    // Helm puts `global` there by itself.
    expect(pairs.map(({ path }) => path).sort()).toEqual(named.filter((path) => path !== "global").sort());
  });

  it("is all that a schema of closed objects allows, but for what the API server itself knows better", () => {
    const open: string[] = [];
    const collect = (inner: unknown, at: string) => {
      if (typeof inner !== "object" || inner === null) return;
      const { type, additionalProperties } = inner as Schema;
      if (type === "object" && additionalProperties === undefined) open.push(at);
      for (const [name, value] of Object.entries(inner)) collect(value, `${at}/${name}`);
    };
    collect(schema, "");
    expect(open).toEqual(["/properties/global", "/$defs/kubernetesObject"]);
  });
});

it("the chart, its application and the product have one version", () => {
  const chart = parseDocument(read("charts/flowreset/Chart.yaml")).toJS() as Record<string, string>;
  const { version } = JSON.parse(read("package.json")) as { version: string };
  expect([chart["version"], chart["appVersion"]]).toEqual([version, version]);
});

it("commands in the documentation name that version", () => {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  const named = [...`${read("README.md")}${read("docs/kubernetes.md")}`.matchAll(/\bflowreset[-:](\d+\.\d+\.\d+)/g)].map(([, each]) => each);
  expect(new Set(named)).toEqual(new Set([version]));
});

