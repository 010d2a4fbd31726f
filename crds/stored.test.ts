import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KINDS } from "./group.ts";
import type { ResponsePolicySpec } from "./responsePolicy.ts";
import { faultsOf, leastPolicy, leastReset, leastRule, notesOf, policyWith, resetWith } from "./spec.fixture.ts";
import { validate } from "./validate.ts";

const cluster = { standalone: false };

function rulesOf(value: unknown): string[] | undefined {
  const { valid } = validate(value, cluster);
  return (valid?.object.spec as ResponsePolicySpec | undefined)?.rules.map(({ name }) => name);
}

const two = [leastRule, { name: "s", connection: {} }];

describe("an object of an API server", () => {
  it.each([
    ["in the spec", policyWith({ colour: "red" }), "colour: Cannot understand a field that this version does not know, and goes on without it: current field is colour"],
    ["deep in respond", policyWith({ respond: { reset: { politely: true } } }), "respond.reset.politely: Cannot understand a field that this version does not know, and goes on without it: current field is respond.reset.politely"],
  ])("goes on without an unknown field and names it: %s", (_name, value, note) => {
    expect([faultsOf(value, cluster), notesOf(value, cluster), rulesOf(value)]).toEqual([[], [note], ["r"]]);
  });

  it.each([
    ["a rule", { rules: [{ ...leastRule, newDetector: {} }, two[1]] }, ["s"], "so that the rule never fires: current field is rules[0].newDetector"],
    ["a rule's peers", { rules: [two[0], { ...two[1], peers: { asns: [64500] } }] }, ["r"], "so that the rule never fires: current field is rules[1].peers.asns"],
    ["the subject", { rules: two, subject: { vlan: 7 } }, [], "so that no rule fires: current field is subject.vlan"],
    ["an exemption", { rules: two, exempt: [{ cidrs: ["10.0.0.0/8"], until: "x" }] }, [], "so that no rule fires: current field is exempt[0].until"],
  ])("never matches more because a part of %s is not known", (_name, spec, left, note) => {
    expect([rulesOf(policyWith(spec)), notesOf(policyWith(spec), cluster)]).toEqual([left, [expect.stringContaining(note)]]);
  });

  it("of kind FlowReset is refused where a part of its match is not known", () => {
    expect(faultsOf(resetWith({ match: { client: { ip: "10.0.0.7", zone: "a" } } }), cluster)).toEqual([
      'match.client.zone: Cannot leave out a part of match that this version does not know, because more would be reset: current field is "zone"',
    ]);
    expect(faultsOf(resetWith({ mood: "good" }), cluster)).toEqual([]);
  });

  it("is told what is wrong by field, unknown ones beside it or not", () => {
    expect(faultsOf(policyWith({ mode: "Sometimes", colour: "red" }), cluster)).toEqual(['mode: Cannot take this value, expected one of Observe, Enforce: current value is "Sometimes"']);
    expect(faultsOf({ ...leastPolicy, metadata: {} }, cluster)).toEqual(["metadata.name: Cannot do without a name, expected the API server's: current metadata is a map of 0"]);
    expect(faultsOf({ ...leastPolicy, spec: "x" }, cluster)).toEqual(['spec: Cannot take this value, expected a map: current value is "x"']);
  });

  it("is read without what a newer operator writes into its status", () => {
    const { valid, notes } = validate({ ...leastReset, status: { phase: "Active", mood: "good" } }, cluster);
    expect([valid?.object, notes]).toEqual([expect.objectContaining({ status: { phase: "Active" } }), []]);
  });

  it("is read without its status where that is broken", () => {
    const { valid, notes } = validate({ ...leastReset, status: { phase: "Dancing" } }, cluster);
    expect(valid?.object).not.toHaveProperty("status");
    expect(notes.map(({ message }) => message)).toEqual([expect.stringMatching(/^Cannot take this value, expected one of Pending, .*; the status is not read$/)]);
  });

  it("keeps the metadata that it came with, also what we do not know of", () => {
    const metadata = { name: "p", namespace: "shop", uid: "u", later: { added: true }, annotations: { a: "b" } };
    expect(validate({ ...leastPolicy, metadata }, cluster).valid?.object.metadata).toBe(metadata);
  });

  it("is not changed by being read", () => {
    const value = Object.freeze({ ...leastPolicy, spec: Object.freeze({ colour: "red", rules: Object.freeze([Object.freeze({ ...leastRule, x: 1 }), two[1]]) }) });
    expect(rulesOf(value)).toEqual(["s"]);
    expect(value.spec.rules).toHaveLength(2);
  });
});

describe("whatever an API server might hold", () => {
  const anything = fc.oneof(
    { arbitrary: fc.jsonValue({ maxDepth: 4 }), weight: 1 },
    { arbitrary: fc.constantFrom<unknown>(null, 1, "", [], {}, [null], { rules: null }, { rules: [null] }, { rules: [{}] }, { match: { client: [] } }, { __proto__: null }), weight: 1 },
  );
  /** A good object with something put into it, anywhere. */
  const spoilt = fc.tuple(fc.constantFrom<object>(leastPolicy, leastReset), fc.array(fc.constantFrom("metadata", "spec", "status", "rules", "match", "client", "0", "name", "connection", "new"), { minLength: 1, maxLength: 4 }), anything).map(([object, path, value]) => {
    const copy = structuredClone(object) as Record<string, any>;
    let at = copy;
    for (const key of path.slice(0, -1)) at = typeof at[key] === "object" && at[key] !== null ? at[key] : (at[key] = {});
    at[path.at(-1)!] = value;
    return copy;
  });

  it("is an object or is told what is wrong, and never throws", () => {
    const heard = { valid: 0, faults: 0, notes: 0 };
    const kinds = fc.tuple(fc.constantFrom(...KINDS), anything, anything, anything).map(([kind, metadata, spec, status]) => ({ apiVersion: "flowreset.io/v1alpha1", kind, metadata, spec, status }));
    fc.assert(
      fc.property(fc.oneof(spoilt, kinds, anything), (value) => {
        const { valid, faults, notes } = validate(value, cluster);
        expect(valid === undefined).toBe(faults.length > 0);
        for (const { message } of [...faults, ...notes]) expect(message).toMatch(/^Cannot /);
        if (valid !== undefined) heard.valid++;
        if (faults.length > 0) heard.faults++;
        if (notes.length > 0) heard.notes++;
      }),
      { numRuns: 2_000 },
    );
    expect(Math.min(heard.valid, heard.faults, heard.notes)).toBeGreaterThan(10);
  });

  it("is read in one go however many fields are not known", () => {
    const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`f${index}`, {}]));
    expect(notesOf(policyWith(many), cluster)).toHaveLength(100);
    expect(faultsOf(resetWith({ match: { client: { ip: "10.0.0.7" }, ...many } }), cluster)).toHaveLength(100);
  });
});

describe("a kind of the cluster", () => {
  const object = (kind: string, spec: object) => ({ apiVersion: "flowreset.io/v1alpha1", kind, metadata: { name: "n" }, spec });
  it.each([
    ["SensorFleet", {}, "Cannot use a SensorFleet without a cluster, expected SensorSettings: current kind is SensorFleet"],
    ["SensorNode", { fleet: "default" }, "Cannot use a SensorNode without a cluster, expected nothing in its place: a sensor in a cluster writes it: current kind is SensorNode"],
  ])("%s is for a cluster only", (kind, spec, fault) => {
    expect(faultsOf(object(kind, spec))).toEqual([`kind: ${fault}`]);
    expect(faultsOf(object(kind, spec), cluster)).toEqual([]);
  });

  it("says what is not supported yet", () => {
    expect(notesOf(object("SensorFleet", { capture: { mode: "PodNetns" } }), cluster)).toEqual([
      "capture.mode: Cannot capture in this mode, not supported yet, so that HostInterfaces is used: current value is PodNetns",
    ]);
    expect(notesOf(object("SensorFleet", { capture: { backend: "Libpcap" } }), cluster)).toEqual([
      "capture.backend: Cannot capture by this backend, its library is not in the image, so that Ring is used: current value is Libpcap",
    ]);
  });
});
