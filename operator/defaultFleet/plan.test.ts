import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../kube/mod.ts";
import { MADE_OF_LABEL, plan, readWanted } from "./plan.ts";

const SOURCE = "flowreset-default-fleet";
const owner = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", name: "flowreset-operator", uid: "u1" };
const wanted = { name: "default", spec: { logLevel: "debug" } };

const fleet = (name: string, metadata: Partial<KubeObject["metadata"]> = {}): KubeObject => ({ apiVersion: "flowreset.io/v1alpha1", kind: "SensorFleet", metadata: { name, ...metadata }, spec: {} });
/** As it is after the plan was carried out. */
const made = (want = wanted): KubeObject => ({ ...plan(want, [], SOURCE, owner).apply!, spec: {} });

describe("the plan for the default fleet", () => {
  it("makes it, owned by the role, with the spec as it was written and nothing more", () => {
    const { apply, remove } = plan(wanted, [], SOURCE, owner);
    expect(apply).toMatchObject({ kind: "SensorFleet", metadata: { name: "default", labels: { [MADE_OF_LABEL]: SOURCE }, ownerReferences: [owner] } });
    expect([apply!.spec, remove]).toEqual([{ logLevel: "debug" }, []]);
  });

  it("is empty once it was carried out, whatever people changed in the fleet since", () => {
    const changed = { ...made(), spec: { enforcement: "ObserveOnly" } };
    expect(plan(wanted, [changed], SOURCE, owner)).toEqual({ apply: undefined, remove: [] });
  });

  it.each([
    ["the values changed", plan({ ...wanted, spec: { logLevel: "info" } }, [made()], SOURCE, owner)],
    ["the release was installed anew", plan(wanted, [made()], SOURCE, { ...owner, uid: "u2" })],
  ])("applies it again when %s", (_, { apply }) => {
    expect(apply?.metadata.name).toBe("default");
  });

  it("removes what was made under another name, or of values that are gone, and nobody else's", () => {
    const others = [fleet("mine"), fleet("theirs", { labels: { [MADE_OF_LABEL]: "another-config-map" } })];
    expect(plan({ ...wanted, name: "renamed" }, [made(), ...others], SOURCE, owner)).toMatchObject({ apply: { metadata: { name: "renamed" } }, remove: ["default"] });
    expect(plan(undefined, [made(), ...others], SOURCE, undefined)).toEqual({ apply: undefined, remove: ["default"] });
  });

  it("leaves a fleet of that name alone that somebody else made, and says so", () => {
    expect(plan(wanted, [fleet("default")], SOURCE, owner)).toEqual({ apply: undefined, remove: [], refusal: expect.stringMatching(/^Delete the SensorFleet default, or set fleet\.name/) });
  });
});

describe("the ConfigMap", () => {
  it("is read", () => expect(readWanted({ name: "default", spec: '{"logLevel":"debug"}' })).toEqual(wanted));

  it.each([
    [{ spec: "{}" }, "Name the fleet in data.name of the ConfigMap: current value is empty"],
    [{ name: "a" }, 'Cannot read data.spec of the ConfigMap, expected an object as JSON: current value is ""'],
    [{ name: "a", spec: "{" }, 'Cannot read data.spec of the ConfigMap, expected an object as JSON: current value is "{"'],
    [{ name: "a", spec: "[]" }, 'Cannot read data.spec of the ConfigMap, expected an object as JSON: current value is "[]"'],
    [{ name: "a", spec: "null" }, 'Cannot read data.spec of the ConfigMap, expected an object as JSON: current value is "null"'],
  ])("%j is refused with its field", (data, message) => {
    expect(() => readWanted(data as Record<string, string>)).toThrow(message);
  });
});
