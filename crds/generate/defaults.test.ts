import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { CLUSTER_KINDS, API_VERSION } from "../group.ts";
import { validate } from "../validate.ts";
import { crdOf } from "./mod.ts";
import { specsOf, withDefaults } from "./specs.fixture.ts";

const specSchema = (kind: (typeof CLUSTER_KINDS)[number]) => crdOf(kind).spec.versions[0].schema.openAPIV3Schema.properties!["spec"]!;

describe("defaults", () => {
  test.each(CLUSTER_KINDS)("of a %s's CRD are those that we fill in ourselves", (kind) => {
    const schema = specSchema(kind);
    let read = 0;
    fc.assert(
      fc.property(specsOf(schema, 0), (spec) => {
        const { valid } = validate({ apiVersion: API_VERSION, kind, metadata: { name: "a" }, spec }, { standalone: false });
        if (valid === undefined) return;
        read++;
        expect(withDefaults(schema, spec)).toEqual(valid.object.spec);
      }),
      { numRuns: 300 },
    );
    expect(read).toBeGreaterThan(0);
  });

  it("are filled in inside of defaults, and leave what is there", () => {
    const schema = specSchema("ResponsePolicy");
    expect(withDefaults(schema, { rules: [], respond: { reset: { hold: "5s" } } })).toMatchObject({
      mode: "Observe",
      respond: { reset: { hold: "5s", target: "Both" }, evidence: { packets: 0 } },
      limits: { connectionsPerMinutePerNode: 60 },
    });
  });
});
