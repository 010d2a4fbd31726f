/** Events of what policies did: on the policy, and on the pod whose connection it was. */
import type { IncidentReport } from "../../crds/stream/mod.ts";
import { API_VERSION } from "../../crds/mod.ts";
import { RESOURCES, type EventRecorder, type KubeClient, type KubeObject } from "../../kube/mod.ts";
import { MAX_INCIDENTS } from "./limits.ts";

type Pod = KubeObject & { readonly spec?: { readonly nodeName?: string } };

/** Outcomes at which a connection was cut: people look for these. */
const CUT = new Set(["Confirmed", "Unconfirmed", "Evaded", "Reset"]);

/** Never rejects. A node speaks only of policies that there are, and of its own pods. */
export async function recordIncidents(
  client: KubeClient,
  recorder: EventRecorder,
  node: string,
  incidents: readonly IncidentReport[],
  isKnown: (uid: string) => boolean,
  signal: AbortSignal,
): Promise<void> {
  for (const { uid, kind, namespace, name, rule, pod, client: from, server: to, outcome, reason, count } of incidents.slice(0, MAX_INCIDENTS)) {
    if (!isKnown(uid)) continue;
    const isCut = CUT.has(outcome);
    const policy = { apiVersion: API_VERSION, kind, name, uid, ...(namespace !== "" && { namespace }) };
    const times = count === 1 ? "" : ` (${count} times)`;
    const words = `${from} to ${to}: ${outcome}${reason === "" ? "" : `, ${reason}`}${times}`;
    const event = { type: "Warning", reason: isCut ? "ConnectionReset" : "Detected", action: isCut ? "Reset" : "Detect" } as const;
    recorder.record({ ...event, regarding: policy, note: `rule ${rule} on ${node}: ${words}` });
    if (!isCut || pod === undefined) continue;
    const found = await client.find<Pod>(RESOURCES.pods, { namespace: pod.namespace, name: pod.name }, { signal }).catch(() => undefined);
    if (found === undefined || found.metadata.uid !== pod.uid || found.spec?.nodeName !== node) continue;
    const regarding = { apiVersion: "v1", kind: "Pod", namespace: pod.namespace, name: pod.name, uid: pod.uid };
    recorder.record({ ...event, regarding, related: policy, note: `${kind} ${name}, rule ${rule}: ${words}` });
  }
}
