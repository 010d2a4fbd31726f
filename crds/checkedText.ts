/** A string with a form of its own (a CIDR, a duration, ...): one schema maker, so that all say alike what they expect. */
import { z } from "zod";
import { celRule, withCel } from "./rule.ts";

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
  /** `complaint` in CEL, for the CRD; where a rule does not hold, this is expected. */
  readonly cel?: readonly { readonly rule: string; readonly expected: string }[];
}

/** Messages begin with "Cannot" and leave the current value out: explain() adds it. */
export function checkedText(form: TextForm): z.ZodString {
  const refusal = (expected: string) => `Cannot read ${form.noun}, expected ${expected}`;
  let schema = z.string({ error: refusal(form.expected) }).min(1, { error: refusal(form.expected), abort: true }).max(form.maxLength, {
    error: refusal(`at most ${form.maxLength} characters`),
    abort: true,
  });
  if (form.pattern !== undefined) schema = schema.regex(form.pattern, { error: refusal(form.expected), abort: true });
  const complaint = form.complaint;
  if (complaint === undefined) return schema;
  const checked = schema.superRefine((text, context) => {
    const expected = complaint(text);
    if (expected !== undefined) context.addIssue({ code: "custom", message: refusal(expected), input: text });
  });
  const rules = (form.cel ?? []).map(({ rule, expected }) => celRule({ cel: rule, message: refusal(expected) }));
  return withCel(checked, schema, rules);
}
