/** Kubernetes' label selector (meta/v1 LabelSelector): both parts must hold; empty selects everything. */
import { z } from "zod";
import { checkedText } from "./checkedText.ts";
import { atomic } from "./kubernetesFields.ts";
import { MAX_LABELS, MAX_LABEL_VALUES } from "./limits.ts";
import { celRule, obeying, unless, VALIDATIONS } from "./rule.ts";

const KEY = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const EXPECTED_KEY = "a name such as app or example.com/app";

const labelKey = checkedText({ noun: "a label key", expected: EXPECTED_KEY, maxLength: 317, pattern: KEY });

const labelValue = z
  .string({ error: "Cannot read a label value, expected a quoted string" })
  .max(63, { error: "Cannot read a label value, expected at most 63 characters" })
  .regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/, { error: "Cannot read a label value, expected letters, digits, - _ and ." });

const takesValues = ({ operator }: { operator: string }) => operator === "In" || operator === "NotIn";

const expression = obeying(
  z.strictObject({
    key: labelKey.describe("Key of the label."),
    operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist"]).describe("How the label's value relates to values. NotIn also holds where there is no such label."),
    values: atomic(z.array(labelValue).max(MAX_LABEL_VALUES)).default([]).describe("Values for In and NotIn; none for Exists and DoesNotExist."),
  }),
  {
    message: "Cannot use In or NotIn without values, expected one or more",
    cel: "!(self.operator in ['In', 'NotIn']) || self.values.size() > 0",
    broken: (value) => unless(!takesValues(value) || value.values.length > 0, { path: ["values"], current: "count is 0" }),
  },
  {
    message: "Cannot use Exists or DoesNotExist with values, expected none",
    cel: "self.operator in ['In', 'NotIn'] || self.values.size() == 0",
    broken: (value) => unless(takesValues(value) || value.values.length === 0, { path: ["values"], input: value.values }),
  },
);

/** A map whose keys have the form that labels, annotations and resources share; 64 of them at most. */
export function keyed<V extends z.ZodType>(value: V): z.ZodRecord<z.ZodString, V> {
  return z
    .record(labelKey, value)
    .superRefine((map, context) => {
      const count = Object.keys(map).length;
      if (count > MAX_LABELS) context.addIssue({ code: "custom", message: `Cannot take more than ${MAX_LABELS} entries: current count is ${count}` });
    })
    .meta({
      maxProperties: MAX_LABELS,
      // A CRD has no schema for keys.
      [VALIDATIONS]: [celRule({ cel: `self.all(key, key.matches(${JSON.stringify(KEY.source)}))`, message: `Cannot read a key, expected ${EXPECTED_KEY}` })],
    });
}

/** Keys and values that must all be there, or that are put there. */
export const labels = keyed(labelValue);

export const labelSelector = z.strictObject({
  matchLabels: labels.optional().describe("Labels that must be there, each with this value."),
  matchExpressions: atomic(z.array(expression).max(MAX_LABELS)).optional().describe("Further demands on labels; all must hold."),
});

export type LabelSelector = z.output<typeof labelSelector>;

/** isEmptySelector() in CEL. */
export function celIsEmptySelector(selector: string): string {
  return `((!has(${selector}.matchLabels) || ${selector}.matchLabels.size() == 0) && (!has(${selector}.matchExpressions) || ${selector}.matchExpressions.size() == 0))`;
}
