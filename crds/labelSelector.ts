/** Kubernetes' label selector (meta/v1 LabelSelector): both parts must hold; empty selects everything. */
import { z } from "zod";
import { checkedText } from "./checkedText.ts";
import { MAX_LABELS, MAX_LABEL_VALUES } from "./limits.ts";

const labelKey = checkedText({
  noun: "a label key",
  expected: "a name such as app or example.com/app",
  maxLength: 317,
  pattern: /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/,
});

const labelValue = z
  .string({ error: "Cannot read a label value, expected a quoted string" })
  .max(63, { error: "Cannot read a label value, expected at most 63 characters" })
  .regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/, { error: "Cannot read a label value, expected letters, digits, - _ and ." });

const expression = z
  .strictObject({
    key: labelKey,
    operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist"]),
    values: z.array(labelValue).max(MAX_LABEL_VALUES).default([]),
  })
  .superRefine(({ operator, values }, context) => {
    const takesValues = operator === "In" || operator === "NotIn";
    if (takesValues === values.length > 0) return;
    const message = takesValues ? `Cannot use ${operator} without values, expected one or more` : `Cannot use ${operator} with values, expected none`;
    context.addIssue({ code: "custom", path: ["values"], message, input: values });
  });

/** Keys and values that must all be there, or that are put there. */
export const labels = z
  .record(labelKey, labelValue)
  .superRefine((map, context) => {
    const count = Object.keys(map).length;
    if (count > MAX_LABELS) context.addIssue({ code: "custom", message: `Cannot take more than ${MAX_LABELS} labels: current count is ${count}` });
  })
  .meta({ maxProperties: MAX_LABELS });

export const labelSelector = z.strictObject({
  matchLabels: labels.optional(),
  matchExpressions: z.array(expression).max(MAX_LABELS).optional(),
});

export type LabelSelector = z.output<typeof labelSelector>;

export function isEmptySelector(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
}
