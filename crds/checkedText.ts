/** A string with a form of its own (a CIDR, a duration, ...): one schema maker, so that all say alike what they expect. */
import { z } from "zod";

export interface TextForm {
  /** What it is, with its article: "a CIDR". */
  readonly noun: string;
  /** What is expected, by example. */
  readonly expected: string;
  readonly maxLength: number;
  /** RE2-safe pattern for the CRD; the whole truth is `complaint`. */
  readonly pattern?: RegExp;
  /** What is expected instead, or undefined where the text is good. */
  complaint?(text: string): string | undefined;
}

/** Messages begin with "Cannot" and leave the current value out: explain() adds it. */
export function checkedText(form: TextForm): z.ZodString {
  const refusal = `Cannot read ${form.noun}, expected ${form.expected}`;
  let schema = z.string({ error: refusal }).min(1, { error: refusal, abort: true }).max(form.maxLength, {
    error: `Cannot read ${form.noun}, expected at most ${form.maxLength} characters`,
    abort: true,
  });
  if (form.pattern !== undefined) schema = schema.regex(form.pattern, { error: refusal, abort: true });
  const complaint = form.complaint;
  if (complaint === undefined) return schema;
  return schema.superRefine((text, context) => {
    const expected = complaint(text);
    if (expected !== undefined) context.addIssue({ code: "custom", message: `Cannot read ${form.noun}, expected ${expected}`, input: text });
  });
}
