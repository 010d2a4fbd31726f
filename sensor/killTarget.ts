/** decide names the ends as bits, inject as a choice. */
import { ResetTarget } from "./decide/mod.ts";
import { KillTarget } from "./inject/mod.ts";

export function killTargetOf(resetTarget: number): number {
  if (resetTarget === ResetTarget.Client) return KillTarget.Client;
  return resetTarget === ResetTarget.Server ? KillTarget.Server : KillTarget.Both;
}

const NAMES = ["Both", "Client", "Server"] as const;

/** Name of a KillTarget. */
export function killTargetName(target: number): "Both" | "Client" | "Server" {
  return NAMES[target] ?? "Both";
}
