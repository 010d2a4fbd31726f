/** Brings the cluster to what the ConfigMap asks for. */
import { KubeError, RESOURCES, type EventRecorder, type KubeClient, type KubeObject, type OwnerReference } from "../../kube/mod.ts";
import { plan, readWanted, type Wanted } from "./plan.ts";

export interface DefaultFleetOptions {
  readonly client: KubeClient;
  readonly recorder: Pick<EventRecorder, "record">;
  readonly namespace: string;
  /** Of the ConfigMap. */
  readonly name: string;
  /** The ClusterRole that owns the fleet: gone with the release, it takes the fleet and its sensors along. */
  readonly ownerRole: string;
  readonly fieldManager: string;
}

/** Who deletes the fleet by hand tells nobody. */
const LOOK_AGAIN_MS = 60_000;
const CLUSTER_ROLES = { group: "rbac.authorization.k8s.io", version: "v1", plural: "clusterroles", kind: "ClusterRole", namespaced: false } as const;

export class DefaultFleet {
  readonly #options: DefaultFleetOptions;

  constructor(options: DefaultFleetOptions) {
    this.#options = options;
  }

  /** Reads anew, and does what is due. @returns when to look again. @throws KubeError, or what is wrong in the ConfigMap */
  async reconcile(signal: AbortSignal): Promise<number> {
    const { client, recorder, namespace, name } = this.#options;
    const found = await client.find<KubeObject & { data?: Record<string, string> }>(RESOURCES.configMaps, { namespace, name }, { signal });
    if (found === undefined || found.metadata.deletionTimestamp !== undefined) return this.#bringAbout(undefined, signal);
    try {
      return await this.#bringAbout(readWanted(found.data ?? {}), signal);
    } catch (error) {
      // There may be no fleet that could say it.
      const regarding = { apiVersion: "v1", kind: "ConfigMap", namespace, name, uid: found.metadata.uid };
      if (isForGood(error)) recorder.record({ regarding, type: "Warning", reason: "FleetNotMade", action: "Apply", note: error.message });
      throw error;
    }
  }

  async #bringAbout(wanted: Wanted | undefined, signal: AbortSignal): Promise<number> {
    const { client, name, fieldManager } = this.#options;
    const { items } = await client.listAll(RESOURCES.sensorFleets, { signal });
    const owner = wanted === undefined ? undefined : await this.#owner(signal);

    const { apply, remove, refusal } = plan(wanted, items, name, owner);
    if (apply !== undefined) await client.apply(RESOURCES.sensorFleets, apply, { fieldManager, signal });
    for (const fleet of remove) await client.delete(RESOURCES.sensorFleets, { name: fleet }, { signal });
    if (refusal !== undefined) throw new Error(refusal);
    return LOOK_AGAIN_MS;
  }

  /** Undefined where the release has no such role: then nothing ends with it. */
  async #owner(signal: AbortSignal): Promise<OwnerReference | undefined> {
    const { client, ownerRole } = this.#options;
    const role = await client.find(CLUSTER_ROLES, { name: ownerRole }, { signal });
    const uid = role?.metadata.uid;
    return uid === undefined ? undefined : { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", name: ownerRole, uid };
  }
}

/** Bad request, missing right, invalid: the same again until somebody does something. */
const FOR_GOOD = new Set([400, 403, 422]);

function isForGood(error: unknown): error is Error {
  return KubeError.is(error) ? FOR_GOOD.has(error.status) : error instanceof Error && error.name !== "AbortError";
}
