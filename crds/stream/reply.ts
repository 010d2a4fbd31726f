/** What the operator answers with status 200. */
import { z } from "zod";
import { count } from "../kubernetesFields.ts";

const LONGEST_PAUSE_MS = 600_000;

export const reply = z.object({
  /**
   * Nothing of reports up to this `sequence` need be kept any longer: their results are written. It falls (to 0) when another
   * leader has taken over, which knows nothing of the session: then failures and counters are told whole again.
   */
  acknowledged: count,
  /** When the next report is due if nothing urgent happens: the operator scales it with its fleet. */
  nextReportMs: z.int().min(50).max(LONGEST_PAUSE_MS),
  /** What all sensors have to say at one time, such as that a policy is loaded, each says within this time, by chance. */
  answerSpreadMs: z.int().min(0).max(LONGEST_PAUSE_MS).default(0),
});

export type Reply = z.output<typeof reply>;
