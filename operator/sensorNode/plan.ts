/** What is to be done about one SensorNode. Pure. */

export interface SensorNodeInput {
  /** Undefined: there is no SensorNode of that name. */
  readonly ready: string | undefined;
  readonly hasNode: boolean;
  /** Some fleet would have a sensor on its node. */
  readonly isWanted: boolean;
  readonly isFresh: boolean;
}

export type SensorNodeStep =
  /** Its Node is gone: so is the sensor. */
  | "Delete"
  /** No fleet would have it any longer, and it is silent: nobody need miss it. */
  | "Retire"
  /** Nothing is left that speaks of it. */
  | "Forget"
  /** It says that it is ready, and has been silent for three heartbeats. */
  | "SayStale";

/** A silent sensor cannot say so itself. As the node controller does with a Node, its Ready becomes Unknown. */
export function planSensorNode({ ready, hasNode, isWanted, isFresh }: SensorNodeInput): SensorNodeStep | undefined {
  const isRetired = !isWanted && !isFresh;
  if (ready === undefined) return !hasNode || isRetired ? "Forget" : undefined;
  if (!hasNode) return "Delete";
  if (isRetired) return "Retire";
  return !isFresh && ready !== "Unknown" ? "SayStale" : undefined;
}
