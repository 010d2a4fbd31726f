/** How the sensors stand to one policy. */
import { selects, type Labels, type NodeFailure } from "../../crds/mod.ts";
import type { Roster } from "../roster/mod.ts";
import type { PolicyFacts } from "./facts.ts";
import { MAX_FAILURES_NAMED } from "./limits.ts";
import type { Tally } from "./plan.ts";

export interface Sensors {
  readonly roster: Roster;
  /** Undefined where there is no such node. */
  labelsOf(node: string): Labels | undefined;
}

/** `revision`: the resource version at which this generation of the policy was first seen. */
export function tallyOf({ metadata, nodeSelector }: PolicyFacts, revision: number, { roster, labelsOf }: Sensors, asOfMs: number): Tally & { readonly stopped: number } {
  let desired = 0;
  let ready = 0;
  let failed = 0;
  let starting = 0;
  let stale = 0;
  let notSelected = 0;
  let stopped = 0;
  const failures: NodeFailure[] = [];
  for (const sensor of roster.sensors.values()) {
    if (nodeSelector !== undefined && !selects(nodeSelector, labelsOf(sensor.node) ?? {})) {
      notSelected++;
      continue;
    }
    if (!roster.isFresh(sensor.node, asOfMs)) {
      stale++;
      continue;
    }
    desired++;
    if (sensor.enforcement === "Stopped") stopped++;
    const failure = sensor.failures.find(({ uid, generation }) => uid === metadata.uid && generation === metadata.generation);
    if (failure !== undefined) {
      failed++;
      if (failures.length < MAX_FAILURES_NAMED) failures.push({ node: sensor.node, message: failure.message });
    } else if (sensor.policies === 0) starting++;
    else if (sensor.policies >= revision) ready++;
  }
  return { desired, ready, failed, starting, stale, notSelected, stopped, failures };
}
