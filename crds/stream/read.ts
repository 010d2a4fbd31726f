/** JSON values from the other end of the stream to reports and replies, or to what is wrong with them. */
import type { z } from "zod";
import { explain } from "../explain.ts";
import { formatPath } from "../remark.ts";
import { reply, type Reply } from "./reply.ts";
import { report, reset, type Report, type ResetReport } from "./report.ts";

export type Reading<T> = { readonly value: T } | { readonly fault: string };

/** Never throws. The fault names the first field that is wrong. */
export function readReport(value: unknown): Reading<Report> {
  return read(report, value);
}

/** Results of FlowResets, each by itself: those that cannot be read are left out. Never throws. */
export function readResets(values: readonly unknown[]): ResetReport[] {
  return values.flatMap((value) => {
    const result = reset.safeParse(value);
    return result.success ? [result.data] : [];
  });
}

/** Never throws. */
export function readReply(value: unknown): Reading<Reply> {
  return read(reply, value);
}

function read<T extends z.ZodType>(schema: T, value: unknown): Reading<z.output<T>> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return { value: result.data };
  const [first] = explain(result.error.issues, schema);
  return { fault: first === undefined ? "Cannot read it" : `${formatPath(first.path)}: ${first.message}` };
}
