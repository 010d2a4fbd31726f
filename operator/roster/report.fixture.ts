/** Reports of sensors that there are not. */
import type { Report } from "../../crds/stream/mod.ts";

export function reportOf(node: string, more: Partial<Report> = {}): Report {
  return {
    node,
    fleet: "default",
    session: "s1",
    sequence: 1,
    version: "0.1.0",
    observed: { policies: "100", flowResets: "100", fleet: "100" },
    counters: [],
    resets: [],
    incidents: [],
    health: { enforcement: "Enabled", captureLossPackets: 0, coverage: { interfaces: 3, halfBlind: 0, pods: 2, podsUnseen: 0 }, apiServer: "Connected" },
    ...more,
  };
}
