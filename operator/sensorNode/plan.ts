/** What is to be done about one SensorNode. Pure. */

export interface SensorNodeInput {
  /** Undefined: there is no SensorNode of that name. */
  readonly ready: string | undefined;
  readonly hasNode: boolean;
  readonly isFresh: boolean;
}

export type SensorNodeStep =
  /** Its Node is gone: so is the sensor. */
  | "Delete"
  /** Neither object is there any more. */
  | "Forget"
  /** It says that it is ready, and has been silent for three heartbeats. */
  | "SayStale";

/** A silent sensor cannot say so itself. As the node controller does with a Node, its Ready becomes Unknown. */
export function planSensorNode({ ready, hasNode, isFresh }: SensorNodeInput): SensorNodeStep | undefined {
  if (ready === undefined) return hasNode ? undefined : "Forget";
  if (!hasNode) return "Delete";
  return !isFresh && ready !== "Unknown" ? "SayStale" : undefined;
}
