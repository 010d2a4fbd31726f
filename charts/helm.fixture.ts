/** The chart through the real Helm, as people use it. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import { bringBinaries } from "../test/cluster/mod.ts";

export const CHART = join(import.meta.dirname, "flowreset");
export const NAMESPACE = "flowreset-system";
/** What the chart is rendered for where no API server says its own version. */
export const KUBE_VERSION = "1.35.4";
const OUTPUT_LIMIT_BYTES = 16 << 20;

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> };
  readonly [field: string]: any;
}

/** Runs helm. @returns what it printed. @throws with what it said where it fails. */
export async function helm(words: readonly string[], kubeconfigPath = "/dev/null"): Promise<string> {
  const { helm: program } = await bringBinaries(["helm"]);
  try {
    return (await promisify(execFile)(program, [...words], { env: { ...process.env, KUBECONFIG: kubeconfigPath }, maxBuffer: OUTPUT_LIMIT_BYTES })).stdout;
  } catch (error) {
    throw new Error(`helm ${words.join(" ")} failed: ${(error as { stderr?: string }).stderr?.trim() || error}`);
  }
}

/** `--set-json` words for values: types stay what they are. */
export function valuesWords(values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(values).flatMap(([path, value]) => ["--set-json", `${path}=${JSON.stringify(value)}`]);
}

/** The text that `helm template` makes of the chart. */
export function renderText(values: Readonly<Record<string, unknown>> = {}, ...more: string[]): Promise<string> {
  return helm(["template", "flowreset", CHART, "--namespace", NAMESPACE, "--kube-version", KUBE_VERSION, ...valuesWords(values), ...more]);
}

/** The objects that `helm template` makes of the chart. */
export async function render(values: Readonly<Record<string, unknown>> = {}, ...more: string[]): Promise<KubernetesObject[]> {
  return parseAllDocuments(await renderText(values, ...more))
    .map((document) => {
      if (document.errors.length > 0) throw document.errors[0];
      return document.toJS() as KubernetesObject | null;
    })
    .filter((object) => object !== null);
}

export function find(objects: readonly KubernetesObject[], kind: string, name: string): KubernetesObject {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name === name);
  if (found.length !== 1) throw new Error(`Expected one ${kind} ${name}: there are ${found.length}`);
  return found[0]!;
}
