/** What the operator answers with status 200. */
import { z } from "zod";
import { count } from "../kubernetesFields.ts";

const LONGEST_PAUSE_MS = 600_000;

export const reply = z.object({
  /** `sequence` of the report that was taken over; nothing of it need be kept any longer. */
  acknowledged: count,
  /** When the next report is due if nothing urgent happens: the operator scales it with its fleet. */
  nextReportMs: z.int().min(50).max(LONGEST_PAUSE_MS),
});

export type Reply = z.output<typeof reply>;
