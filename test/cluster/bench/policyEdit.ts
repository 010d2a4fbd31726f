/** Somebody edits one policy: all sensors load it and say so, and its status tells when they have. */
import { until } from "../../lab/mod.ts";
import type { PrivateApiServer } from "../mod.ts";
import { namespaceName } from "./names.ts";

const READY_MS = 120_000;
const PATH = `/apis/flowreset.io/v1alpha1/namespaces/${namespaceName(0)}/responsepolicies/policy-0000`;

/** Seconds from the edit until the policy says that its new generation is Ready; NaN where it was given up. */
export async function editToReadySeconds(server: PrivateApiServer): Promise<number> {
  const before = await server.expect("GET", PATH);
  const severity = before.spec.severity === "High" ? "Medium" : "High";
  const startMs = performance.now();
  const { metadata } = await server.expect("PATCH", PATH, { body: { spec: { severity } }, contentType: "application/merge-patch+json" });
  if (metadata.generation === before.metadata.generation) throw new Error(`Cannot edit ${PATH}: its generation stays ${metadata.generation}`);
  const isReady = async (): Promise<boolean> => {
    const { status } = await server.expect("GET", PATH);
    return status.observedGeneration === metadata.generation && status.conditions.some(({ type, status: is }: { type: string; status: string }) => type === "Ready" && is === "True");
  };
  const inTime = await until("the edited policy to be Ready", isReady, READY_MS, 250).catch(() => undefined);
  return inTime === undefined ? NaN : (performance.now() - startMs) / 1_000;
}
