/** Policies and resets as people write them, through the real schemas. */
import { defaultSettings, parseDocuments, type SensorSettingsSpec, sensorSettingsSpec } from "../../crds/mod.ts";
import { compile, type CompileResult } from "./compile.ts";
import type { CompileInput } from "./compile.ts";
import type { PolicyObject } from "./note.ts";

/** Objects of a YAML text; throws where one of them is refused, so that no test runs on less than it says. */
export function objects(...texts: readonly string[]): PolicyObject[] {
  return read(texts, true);
}

function read(texts: readonly string[], standalone: boolean): PolicyObject[] {
  return texts.flatMap((text, index) => {
    const parsed = parseDocuments(text, `test${index}.yaml`, { standalone });
    if (parsed.problems.length > 0) throw new Error(JSON.stringify(parsed.problems));
    return parsed.objects;
  });
}

export interface PolicyText {
  name?: string;
  namespace?: string;
  /** One line of flow-style YAML each: `mode: Enforce`, `subject: {cidrs: [10.0.0.0/8]}`. */
  spec?: readonly string[];
  rules?: readonly string[];
  cluster?: boolean;
}

export function policy({ name = "test", namespace = "shop", spec = [], rules = ["{name: any, ports: ['1-65535'], connection: {}}"], cluster = false }: PolicyText): string {
  return [
    "apiVersion: flowreset.io/v1alpha1",
    `kind: ${cluster ? "ClusterResponsePolicy" : "ResponsePolicy"}`,
    `metadata: {name: ${name}${cluster ? "" : `, namespace: ${namespace}`}}`,
    "spec:",
    ...spec.map((line) => `  ${line}`),
    "  rules:",
    ...rules.map((rule) => `  - ${rule}`),
  ].join("\n");
}

export function reset(match: string, ...spec: readonly string[]): string {
  return ["apiVersion: flowreset.io/v1alpha1", "kind: FlowReset", "metadata: {name: kill, namespace: shop}", "spec:", `  match: ${match}`, ...spec.map((line) => `  ${line}`)].join("\n");
}

export function settings(spec: Record<string, unknown> = {}): SensorSettingsSpec {
  return Object.keys(spec).length === 0 ? defaultSettings() : sensorSettingsSpec.parse(spec);
}

export function compileTexts(texts: readonly string[], input: Partial<CompileInput> = {}): CompileResult {
  return compile({ objects: read(texts, input.cluster === undefined), settings: settings(), interfaces: [], ...input });
}
