/** Why pods of a fleet do not work: asked of the API server only while some do not. */
import type { NodeFailure } from "../../crds/mod.ts";
import { RESOURCES, type KubeClient, type KubeObject } from "../../kube/mod.ts";
import { shortened } from "../condition/mod.ts";
import { FLEET_LABEL } from "./daemonSet.ts";

const MAX_NAMED = 10;
const MAX_MESSAGE = 512;
/** Waiting for these is no failure: a pod begins so. */
const BEGINNING = new Set(["ContainerCreating", "PodInitializing"]);

interface Waiting {
  readonly reason?: string;
  readonly message?: string;
}

interface Pod extends KubeObject {
  spec?: { nodeName?: string };
  status?: {
    phase?: string;
    reason?: string;
    message?: string;
    conditions?: { type?: string; status?: string; reason?: string; message?: string }[];
    containerStatuses?: { restartCount?: number; state?: { waiting?: Waiting }; lastState?: { terminated?: { reason?: string; exitCode?: number; message?: string } } }[];
  };
}

export interface FailedPods {
  readonly failed: number;
  readonly failures: readonly NodeFailure[];
}

export async function failedPods(client: KubeClient, namespace: string, fleet: string, signal: AbortSignal): Promise<FailedPods> {
  let failed = 0;
  const failures: NodeFailure[] = [];
  for await (const { items } of client.list<Pod>(RESOURCES.pods, { namespace, labelSelector: `${FLEET_LABEL}=${fleet}`, resourceVersion: "0", signal })) {
    for (const pod of items) {
      const message = failureOf(pod);
      if (message === undefined) continue;
      failed++;
      failures.push({ node: pod.spec?.nodeName ?? "", message: shortened(message, MAX_MESSAGE) });
    }
  }
  return { failed, failures: failures.toSorted((a, b) => (a.node < b.node ? -1 : 1)).slice(0, MAX_NAMED) };
}

/** Undefined where the pod works, or may yet. */
export function failureOf({ status }: Pod): string | undefined {
  if (status?.phase === "Failed") return words(status.reason ?? "Failed", status.message);
  const unscheduled = status?.conditions?.find(({ type, status: holds }) => type === "PodScheduled" && holds === "False");
  if (unscheduled !== undefined) return words(unscheduled.reason ?? "Unschedulable", unscheduled.message);
  for (const { state, lastState, restartCount = 0 } of status?.containerStatuses ?? []) {
    const { waiting } = state ?? {};
    if (waiting === undefined || BEGINNING.has(waiting.reason ?? "")) continue;
    const ended = lastState?.terminated;
    const last = ended === undefined ? "" : `, ended ${restartCount} times, last ${ended.reason ?? "Error"} with code ${ended.exitCode ?? 0}${ended.message === undefined ? "" : `: ${lastLine(ended.message)}`}`;
    return `${words(waiting.reason ?? "Waiting", ended === undefined ? waiting.message : undefined)}${last}`;
  }
  return undefined;
}

function words(reason: string, message: string | undefined): string {
  return message === undefined || message === "" ? reason : `${reason}: ${message}`;
}

/** Of a log's end, which the kubelet keeps where a container says nothing else. */
function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
