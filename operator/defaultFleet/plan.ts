/** What is to be done, from what the ConfigMap asks for and which fleets there are. */
import { createHash } from "node:crypto";
import type { KubeObject, OwnerReference } from "../../kube/mod.ts";

/** On each fleet that was made of a ConfigMap: its name. */
export const MADE_OF_LABEL = "flowreset.io/made-of";
/** What was applied last, so that it is applied once. */
const DIGEST_ANNOTATION = "flowreset.io/made-of-digest";

export interface Wanted {
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface Plan {
  readonly apply: KubeObject | undefined;
  /** Names. */
  readonly remove: readonly string[];
  /** Why nothing is applied that is wanted. */
  readonly refusal?: string;
}

/** @throws where the ConfigMap cannot be read, with the field that is wrong */
export function readWanted(data: Readonly<Record<string, string>>): Wanted {
  const { name = "", spec = "" } = data;
  if (name === "") throw new Error("Name the fleet in data.name of the ConfigMap: current value is empty");
  let parsed: unknown;
  try {
    parsed = JSON.parse(spec);
  } catch {
    parsed = undefined;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new Error(`Cannot read data.spec of the ConfigMap, expected an object as JSON: current value is ${JSON.stringify(spec.slice(0, 80))}`);
  }
  return { name, spec: parsed as Wanted["spec"] };
}

/**
 * @param fleets all of the cluster
 * @param source the ConfigMap's name, by which its fleets are known
 * @param owner with whose end the fleet ends
 */
export function plan(wanted: Wanted | undefined, fleets: readonly KubeObject[], source: string, owner: OwnerReference | undefined): Plan {
  const isOurs = ({ metadata }: KubeObject) => metadata.labels?.[MADE_OF_LABEL] === source;
  const remove = fleets.filter((fleet) => isOurs(fleet) && fleet.metadata.name !== wanted?.name).map(({ metadata }) => metadata.name);
  if (wanted === undefined) return { apply: undefined, remove };

  const found = fleets.find(({ metadata }) => metadata.name === wanted.name);
  if (found !== undefined && !isOurs(found)) {
    return { apply: undefined, remove, refusal: `Delete the SensorFleet ${wanted.name}, or set fleet.name to another name: somebody else made it` };
  }
  const digest = createHash("sha256").update(JSON.stringify(wanted.spec)).digest("hex").slice(0, 16);
  const isApplied = found?.metadata.annotations?.[DIGEST_ANNOTATION] === digest && (owner === undefined || found.metadata.ownerReferences?.some(({ uid }) => uid === owner.uid));
  if (isApplied === true) return { apply: undefined, remove };
  const metadata = {
    name: wanted.name,
    labels: { "app.kubernetes.io/name": "flowreset", [MADE_OF_LABEL]: source },
    annotations: { [DIGEST_ANNOTATION]: digest },
    ...(owner !== undefined && { ownerReferences: [owner] }),
  };
  return { apply: { apiVersion: "flowreset.io/v1alpha1", kind: "SensorFleet", metadata, spec: wanted.spec }, remove };
}
