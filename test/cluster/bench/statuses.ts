/** Looks at every object of ours for what must not grow with the number of nodes. */
import type { PrivateApiServer } from "../mod.ts";

/** Ten is what a status may name (crds/limits.ts). */
export const MOST_ENTRIES = 10;
const GROUP = "/apis/flowreset.io/v1alpha1";
const PLURALS = ["responsepolicies", "clusterresponsepolicies", "flowresets", "clusterflowresets", "sensorfleets", "sensornodes"] as const;
const PAGE = 500;

export interface StatusFindings {
  readonly plural: string;
  objects: number;
  largestBytes: number;
  longestList: number;
  /** Different nodes that one status names. */
  mostNodes: number;
}

export async function inspectStatuses(server: PrivateApiServer): Promise<StatusFindings[]> {
  const all: StatusFindings[] = [];
  for (const plural of PLURALS) {
    const found: StatusFindings = { plural, objects: 0, largestBytes: 0, longestList: 0, mostNodes: 0 };
    for (let more = ""; ; ) {
      const { items, metadata } = await server.expect("GET", `${GROUP}/${plural}?limit=${PAGE}${more === "" ? "" : `&continue=${encodeURIComponent(more)}`}`);
      for (const { status } of items) inspect(status ?? {}, found);
      more = metadata.continue ?? "";
      if (more === "") break;
    }
    all.push(found);
  }
  return all;
}

function inspect(status: object, found: StatusFindings): void {
  const text = JSON.stringify(status);
  found.objects++;
  found.largestBytes = Math.max(found.largestBytes, text.length);
  found.longestList = Math.max(found.longestList, longestList(status));
  found.mostNodes = Math.max(found.mostNodes, new Set(text.match(/\bnode-\d{5}\b/g) ?? []).size);
}

/** A map keyed by anything counts like a list. */
function longestList(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const parts = Object.values(value);
  const own = Array.isArray(value) ? parts.length : 0;
  return Math.max(own, ...parts.map(longestList));
}
