/** Kubernetes' label selectors (meta/v1 LabelSelector). */
import type { LabelSelector } from "../../../crds/mod.ts";

type Labels = Readonly<Record<string, string>>;

/** Both parts must hold; an empty selector selects everything. */
export function selectorMatches({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Labels): boolean {
  for (const [key, value] of Object.entries(matchLabels)) if (valueOf(labels, key) !== value) return false;
  return matchExpressions.every(({ key, operator, values }) => {
    const value = valueOf(labels, key);
    if (operator === "Exists") return value !== undefined;
    if (operator === "DoesNotExist") return value === undefined;
    // As Kubernetes has it, NotIn holds for what has no such label.
    return operator === "In" ? value !== undefined && values.includes(value) : value === undefined || !values.includes(value);
  });
}

function valueOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
