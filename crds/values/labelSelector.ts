/** Which labels a selector chooses, as apimachinery's LabelSelectorAsSelector reads meta/v1 LabelSelector. */
import type { LabelSelector } from "../labelSelector.ts";

export type Labels = Readonly<Record<string, string>>;
type Expression = NonNullable<LabelSelector["matchExpressions"]>[number];

/**
 * Every requirement must hold; an empty selector chooses everything. Labels that are not known (undefined) meet no
 * requirement, also not that one be absent.
 */
export function selects(selector: LabelSelector, labels: Labels | undefined): boolean {
  if (labels === undefined) return isEmptySelector(selector);
  const { matchLabels, matchExpressions } = selector;
  for (const key in matchLabels) if (valueOf(labels, key) !== matchLabels[key]) return false;
  return (matchExpressions ?? []).every((expression) => holds(expression, labels));
}

export function isEmptySelector({ matchLabels, matchExpressions }: LabelSelector): boolean {
  return Object.keys(matchLabels ?? {}).length === 0 && (matchExpressions ?? []).length === 0;
}

/** NotIn and DoesNotExist hold where the label is absent. */
function holds({ key, operator, values }: Expression, labels: Labels): boolean {
  const value = valueOf(labels, key);
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
}

/** Labels are data: a key such as "constructor" is no label of everything. */
function valueOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
