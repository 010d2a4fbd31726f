/** A label selector as an API server is asked with it. */
import type { LabelSelector } from "../../crds/mod.ts";

type Expression = NonNullable<LabelSelector["matchExpressions"]>[number];

/** For `labelSelector=`; empty where everything is chosen. */
export function selectorQuery({ matchLabels, matchExpressions }: LabelSelector): string {
  const equal = Object.entries(matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  return [...equal, ...(matchExpressions ?? []).map(queryOf)].join(",");
}

function queryOf({ key, operator, values }: Expression): string {
  switch (operator) {
    case "In":
      return `${key} in (${values.join(",")})`;
    case "NotIn":
      return `${key} notin (${values.join(",")})`;
    case "Exists":
      return key;
    case "DoesNotExist":
      return `!${key}`;
  }
}
