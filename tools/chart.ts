/**
 * Brings into the chart what has its source elsewhere: the CRDs of crds/manifests as templates, and the spec of
 * SensorFleet into the schema of the values. `make chart` runs it; a test fails when they drift.
 * Usage: node tools/chart.ts
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { sensorFleetSpec } from "../crds/mod.ts";

const root = join(import.meta.dirname, "..");
const manifests = join(root, "crds/manifests");
const templates = join(root, "charts/flowreset/templates/crds");
const schemaFile = join(root, "charts/flowreset/values.schema.json");

const HEAD = `{{- /* Made by \`make chart\` from crds/manifests. */}}\n{{- if .Values.crds.enabled }}\n`;
const METADATA = `metadata:
  labels: {{- include "flowreset.labels" (dict "root" $ "component" "crd") | nindent 4 }}
  {{- if .Values.crds.keep }}
  annotations: {helm.sh/resource-policy: keep}
  {{- end }}
`;

/** What the chart should hold: the text of each file, by its path from the root. */
export function chartFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const name of readdirSync(manifests).filter((each) => each.endsWith(".yaml")).sort()) {
    files.set(`charts/flowreset/templates/crds/${basename(name)}`, crdTemplate(readFileSync(join(manifests, name), "utf8"), name));
  }
  files.set("charts/flowreset/values.schema.json", valuesSchema(readFileSync(schemaFile, "utf8")));
  return files;
}

/** Text, not parsed and printed again: the CRD in the chart stays the one that was tested, line by line. */
export function crdTemplate(manifest: string, name: string): string {
  const text = manifest.replaceAll("{{", '{{ "{{" }}');
  if (text.split(/^metadata:\n/m).length !== 2 || /^ {2}(labels|annotations):/m.test(text)) {
    throw new Error(`Cannot make a template of ${name}, expected one metadata of the first level without labels and annotations: current text begins ${JSON.stringify(text.slice(0, 120))}`);
  }
  return `${HEAD}${text.replace(/^metadata:\n/m, METADATA).trimEnd()}\n{{- end }}\n`;
}

function valuesSchema(text: string): string {
  const schema = JSON.parse(text) as { $defs: Record<string, unknown> };
  const { $schema: _, ...spec } = z.toJSONSchema(sensorFleetSpec, { io: "input" });
  schema.$defs["sensorFleetSpec"] = spec;
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

if (import.meta.main) {
  rmSync(templates, { recursive: true, force: true });
  mkdirSync(templates, { recursive: true });
  for (const [path, text] of chartFiles()) writeFileSync(join(root, path), text);
}
