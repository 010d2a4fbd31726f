/** Events of a FlowReset's end: on the object itself, and on the pods whose connections were cut. */
import type { FlowResetStatus } from "../../crds/mod.ts";
import type { FlowResult } from "../../crds/stream/mod.ts";
import { RESOURCES, type EventRecorder, type KubeClient, type KubeObject } from "../../kube/mod.ts";
import { WAS_CUT } from "./counts.ts";
import type { NodeResult } from "./join.ts";
import { MAX_POD_EVENTS } from "./limits.ts";

/** Never rejects: an Event is a courtesy. */
export async function recordEnding(
  client: KubeClient,
  recorder: EventRecorder,
  object: KubeObject,
  { phase, conditions, message }: FlowResetStatus,
  results: readonly NodeResult[],
  signal: AbortSignal,
): Promise<void> {
  const reason = conditions?.find(({ type }) => type === "Ready")?.reason ?? "Finished";
  const { apiVersion, kind, metadata } = object;
  const { name, namespace, uid } = metadata;
  const itself = { apiVersion, kind, name, namespace, uid };
  recorder.record({ regarding: itself, type: phase === "Succeeded" ? "Normal" : "Warning", reason, action: "Reset", note: message ?? "" });
  for (const { node, pod, flows } of cutPods(results)) {
    const [podNamespace, podName] = pod.split("/") as [string, string];
    // `kubectl describe pod` shows only Events that carry the pod's uid; and a node speaks of its own pods only.
    const found = await client.find<Pod>(RESOURCES.pods, { namespace: podNamespace, name: podName }, { signal }).catch(() => undefined);
    if (found === undefined || found.spec?.nodeName !== node) continue;
    const [first] = flows;
    const others = flows.length === 1 ? "" : ` and ${flows.length - 1} more`;
    recorder.record({
      regarding: { apiVersion: "v1", kind: "Pod", namespace: podNamespace, name: podName, uid: found.metadata.uid },
      related: itself,
      type: "Warning",
      reason: "ConnectionReset",
      action: "Reset",
      note: `${first!.client} to ${first!.server}${others} reset by ${kind} ${name}`,
    });
  }
}

type Pod = KubeObject & { readonly spec?: { readonly nodeName?: string } };

interface CutPod {
  readonly node: string;
  readonly pod: string;
  readonly flows: FlowResult[];
}

function cutPods(results: readonly NodeResult[]): CutPod[] {
  const cut = new Map<string, CutPod>();
  for (const { node, flows } of results) {
    for (const flow of flows.values()) {
      if (!WAS_CUT.has(flow.outcome)) continue;
      for (const pod of [flow.clientPod, flow.serverPod]) {
        if (pod === undefined || !/^[^/]+\/[^/]+$/.test(pod)) continue;
        const known = cut.get(`${node} ${pod}`);
        if (known !== undefined) known.flows.push(flow);
        else if (cut.size < MAX_POD_EVENTS) cut.set(`${node} ${pod}`, { node, pod, flows: [flow] });
      }
    }
  }
  return [...cut.values()];
}
