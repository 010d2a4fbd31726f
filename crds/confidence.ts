/** Confidence and severity in a schema; the order of confidences is in `values/confidence.ts`. */
import { z } from "zod";

export const confidence = z.enum(["Low", "Medium", "High"]);

export const severity = z.enum(["Info", "Low", "Medium", "High", "Critical"]);
