import { expect, it } from "vitest";
import { compileTexts, policy } from "./objects.fixture.ts";
import { MAX_CONTENT_BYTES_PER_NAMESPACE, MAX_RULES_PER_NAMESPACE } from "./limits.ts";
import type { ClusterView } from "./subjects/mod.ts";

const cluster: ClusterView = { nodeLabels: {}, namespaces: new Map(), pods: [], isLive: true, enforceable: () => true, podCidrs: [] };
const rule = (number: number, bytes = 4) => `{name: r${number}, signature: {rules: ['alert tcp any any -> any any (content:"${String(number).padStart(bytes, "x")}"; sid:${number + 1};)']}}`;
/** Policies of 50 rules each, as one object may hold. */
const policies = (namespace: string, rules: number, bytes = 4): string[] =>
  Array.from({ length: Math.ceil(rules / 50) }, (_, part) =>
    policy({ namespace, name: `p${part}`, rules: Array.from({ length: Math.min(50, rules - part * 50) }, (__, at) => rule(part * 50 + at, bytes)) }),
  );
const rulesOf = (texts: readonly string[], namespace: string): number => {
  const { compiled } = compileTexts(texts, { cluster });
  return [...compiled.policyOfRule].filter((number) => compiled.names.policies[number]!.namespace === namespace).length;
};

it("leaves out what a namespace has beyond its rules, and nothing of another's", () => {
  const texts = [...policies("greedy", MAX_RULES_PER_NAMESPACE + 2), ...policies("modest", 3)];
  expect(rulesOf(texts, "greedy")).toBe(MAX_RULES_PER_NAMESPACE);
  expect(rulesOf(texts, "modest")).toBe(3);
  const { notes } = compileTexts(texts, { cluster });
  expect(notes).toHaveLength(2);
  expect(notes[0]).toMatchObject({ severity: "Error", message: `Cannot take more than ${MAX_RULES_PER_NAMESPACE} rules of namespace greedy; the rule is left out` });
});

it("leaves out what a namespace has beyond its bytes of contents", () => {
  const texts = [...policies("greedy", MAX_CONTENT_BYTES_PER_NAMESPACE / 256 + 1, 256), ...policies("modest", 3, 256)];
  expect(rulesOf(texts, "greedy")).toBe(MAX_CONTENT_BYTES_PER_NAMESPACE / 256);
  expect(rulesOf(texts, "modest")).toBe(3);
  expect(compileTexts(texts, { cluster }).notes[0]!.message).toContain("bytes of contents of namespace greedy");
});

it("counts nobody's rules in a directory, where a namespace is a name", () => {
  const { compiled, notes } = compileTexts(policies("greedy", MAX_RULES_PER_NAMESPACE + 2));
  expect([compiled.policyOfRule.length, notes]).toEqual([MAX_RULES_PER_NAMESPACE + 2, []]);
});
