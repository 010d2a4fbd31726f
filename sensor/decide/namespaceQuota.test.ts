import { expect, it } from "vitest";
import { compile } from "./compile.ts";
import { ENDPOINT_WORDS } from "./compiled.ts";
import type { PolicyObject } from "./note.ts";
import { compileTexts, objects, policy, settings } from "./objects.fixture.ts";
import { MAX_ADDRESS_RANGES_PER_NAMESPACE, MAX_ADDRESS_SETS_PER_NAMESPACE, MAX_CONTENT_BYTES_PER_NAMESPACE, MAX_RULES_PER_NAMESPACE } from "./limits.ts";
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

/** As many CIDRs as are asked for, none beside another, no two sets of them equal. */
const cidrs = (count: number, set: number): string[] => Array.from({ length: count }, (_, at) => `11.${set >>> 3}.${((set & 7) << 5) | (at >>> 7)}.${(at & 127) * 2}/32`);

it("leaves out what a namespace has beyond its addresses, and nothing of another's", () => {
  const crowded = Array.from({ length: 66 }, (_, number) => policy({ namespace: "greedy", name: `p${number}`, rules: [`{name: r, ports: ['80'], connection: {}, peers: {cidrs: [${cidrs(1_000, number).join(", ")}]}}`] }));
  const { compiled, notes } = compileTexts([...crowded, ...policies("modest", 3)], { cluster });
  const owners = [...compiled.policyOfRule].map((number) => compiled.names.policies[number]!.namespace);
  expect([owners.filter((name) => name === "greedy").length, owners.filter((name) => name === "modest").length]).toEqual([65, 3]);
  expect(notes).toMatchObject([{ severity: "Error", message: `Cannot take more than ${MAX_ADDRESS_RANGES_PER_NAMESPACE} ranges of addresses of namespace greedy: with these they are 66001; the rule is left out` }]);
});

it("leaves out a policy whose exemptions are beyond its namespace's addresses: without them it would hit the wrong ones", () => {
  const names = Array.from({ length: MAX_ADDRESS_SETS_PER_NAMESPACE + 1 }, (_, number) => policy({ namespace: "greedy", name: `p${number}`, spec: [`exempt: [{cidrs: [10.${number >>> 8}.${number & 255}.1/32]}]`] }));
  const { compiled, notes } = compileTexts(names, { cluster });
  expect(compiled.policyCount).toBeLessThanOrEqual(MAX_ADDRESS_SETS_PER_NAMESPACE);
  expect(notes.filter(({ field }) => field === "spec.exempt")[0]!.message).toContain("sets of addresses of namespace greedy");
});

it("keeps room for what is protected, whatever policies exempt", () => {
  const [one] = objects(policy({ spec: ["exempt: [{cidrs: [10.0.0.1/32]}]"] })) as [Extract<PolicyObject, { kind: "ResponsePolicy" }>];
  const many = Array.from({ length: 2_000 }, (_, number) => ({ ...one, name: `p${number}`, object: { ...one.object, spec: { ...one.object.spec, exempt: [{ cidrs: cidrs(80, number), reason: "" }] } } }));
  const protectedEndpoints = Array.from({ length: 200 }, (_, number) => ({ cidr: `10.9.${number}.1/32`, ports: [] }));
  const { compiled, notes } = compile({ objects: many, settings: settings({ protectedEndpoints }), interfaces: [] });
  expect([compiled.policyCount < 2_000, notes[0]?.field, compiled.guards.protectedEndpoints.length]).toEqual([true, "spec.exempt", 200 * ENDPOINT_WORDS]);
});
