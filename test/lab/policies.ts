/** Policies that labs are played with: whoever says a text is reset, and no budget stands in the way. */

/** What attackers say. The crowd (test/innocents) says it too. */
export const MARK = "KILL-THIS-CONNECTION";

export interface TextRule {
  readonly name: string;
  readonly text: string;
  /** Further options of the signature, such as `flow:established;`. */
  readonly options?: string;
  readonly ports?: string;
}

/** One enforcing policy; `more` is of its spec. */
export function enforcing(policy: string, rules: readonly TextRule[], more = ""): string {
  const lines = rules.map(({ name, text, options = "", ports }, index) => {
    const signature = `alert tcp any any -> any any (msg:"says ${text}"; ${options} content:"${text}"; sid:${index + 1};)`;
    return `  - {name: ${name}, ${ports === undefined ? "" : `ports: ["${ports}"], `}signature: {rules: ['${signature}']}}`;
  });
  return `apiVersion: flowreset.io/v1alpha1
kind: ClusterResponsePolicy
metadata: {name: ${policy}}
spec:
  mode: Enforce
  limits: {connectionsPerMinutePerNode: 100000}
  rules:
${lines.join("\n")}
  ${more}
---
`;
}

/** Settings under which the sensor is never short of resets. */
export const AMPLE_BUDGET = `apiVersion: flowreset.io/v1alpha1
kind: SensorSettings
metadata: {name: ample}
spec: {budgets: {connectionsPerMinute: 1000000}}
`;
