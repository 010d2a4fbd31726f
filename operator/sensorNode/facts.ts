/** What is kept of a SensorNode: a few words. */
import type { SensorNode } from "../../crds/mod.ts";
import type { KubeMetadata, KubeObject } from "../../kube/mod.ts";

export interface SensorNodeFacts extends KubeObject {
  readonly metadata: KubeMetadata;
  readonly fleet: string;
  readonly version: string;
  readonly session: string;
  readonly heartbeat: string;
  readonly policies: string;
  readonly flowResets: string;
  /** Status of its condition Ready. */
  readonly ready: string;
  readonly missingRights: readonly string[];
  /** FlowResets whose results it holds, because nobody took them: they are fetched when there are any. */
  readonly unreported: number;
}

const MAX_MISSING_RIGHTS = 8;

/** Never throws, whatever a sensor of another version wrote. */
export function sensorNodeFacts(raw: KubeObject): SensorNodeFacts {
  const { name, uid, resourceVersion, generation } = raw.metadata;
  const spec = (raw.spec ?? {}) as Partial<SensorNode["spec"]>;
  const status = (raw.status ?? {}) as NonNullable<SensorNode["status"]>;
  const list = <T>(value: readonly T[] | undefined): readonly T[] => (Array.isArray(value) ? value : []);
  return {
    apiVersion: raw.apiVersion,
    kind: raw.kind,
    metadata: { name, uid, resourceVersion, generation } as KubeMetadata,
    fleet: spec.fleet ?? "",
    version: status.version ?? "",
    session: status.session ?? "",
    heartbeat: status.heartbeatTime ?? "",
    policies: status.observed?.policies ?? "",
    flowResets: status.observed?.flowResets ?? "",
    ready: list(status.conditions).find(({ type }) => type === "Ready")?.status ?? "",
    missingRights: list(status.missingRights).slice(0, MAX_MISSING_RIGHTS),
    unreported: list(status.unreported).length,
  };
}
