/** Which nodes a fleet is for, and whether another one is for them too. */
import type { NodeFacts } from "../nodes/mod.ts";
import type { FleetFacts } from "./facts.ts";

export interface Coverage {
  /** Nodes that it selects and that cannot have a sensor. */
  readonly uncovered: number;
  /** An older fleet that selects one of its nodes. */
  readonly overlap?: { readonly fleet: string; readonly node: string; readonly nodes: number } | undefined;
}

/** The older of two comes first; of the same second, the one whose name does. */
export function isOlder(a: FleetFacts, b: FleetFacts): boolean {
  const [madeA, madeB] = [a, b].map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? "") || 0) as [number, number];
  return madeA === madeB ? a.metadata.name < b.metadata.name : madeA < madeB;
}

export function coverageOf(fleet: FleetFacts, fleets: Iterable<FleetFacts>, nodes: Iterable<NodeFacts>): Coverage {
  const older = [...fleets].filter((other) => other.metadata.uid !== fleet.metadata.uid && other.metadata.deletionTimestamp === undefined && isOlder(other, fleet));
  let uncovered = 0;
  let overlap: { fleet: string; node: string; nodes: number } | undefined;
  for (const node of nodes) {
    if (!isSelected(fleet, node)) continue;
    if (node.uncoverable !== undefined) {
      uncovered++;
      continue;
    }
    const other = older.find((candidate) => isSelected(candidate, node));
    if (other === undefined) continue;
    if (overlap === undefined) overlap = { fleet: other.metadata.name, node: node.metadata.name, nodes: 1 };
    else overlap.nodes++;
  }
  return { uncovered, overlap };
}

/** Some fleet would have a sensor there; one that cannot be read may want any node. */
export function isWantedBy(fleets: Iterable<FleetFacts>, node: NodeFacts): boolean {
  if (node.uncoverable !== undefined) return false;
  return [...fleets].some((fleet) => fleet.metadata.deletionTimestamp === undefined && (fleet.spec === undefined || isSelected(fleet, node)));
}

/** By its labels; whether a sensor can run there is another question. */
function isSelected({ spec }: FleetFacts, { labels }: NodeFacts): boolean {
  return spec !== undefined && Object.entries(spec.nodeSelector).every(([key, value]) => labels[key] === value || (key === "kubernetes.io/os" && value === "linux"));
}
