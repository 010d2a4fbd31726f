/** zod and a real API server over random objects: both take an object or neither does, and with the same defaults. */
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { sharedApiServer } from "../../test/cluster/mod.ts";
import type { ClusterKind } from "../group.ts";
import { formatPath } from "../remark.ts";
import { validate } from "../validate.ts";
import { admit, installCrds, objectOf } from "./crds.fixture.ts";
import { crdOf } from "./mod.ts";
import { pooledTexts, specsOf } from "./specs.fixture.ts";

const server = sharedApiServer();
await installCrds(server);
const namespace = await server.createNamespace("agreement");

const RUNS = Number(process.env["AGREEMENT_RUNS"] ?? 150);
const KINDS: readonly ClusterKind[] = ["ResponsePolicy", "ClusterResponsePolicy", "FlowReset", "SensorFleet", "SensorNode"];

async function verdicts(kind: ClusterKind, spec: unknown): Promise<{ server: string[]; own: string[]; serverSpec?: unknown; ownSpec?: unknown }> {
  const { causes, spec: serverSpec } = await admit(server, namespace, kind, spec);
  const { faults, valid } = validate(objectOf(kind, spec), { standalone: false });
  return { server: causes, own: faults.map(({ path, message }) => `${formatPath(path)}: ${message}`), serverSpec, ownSpec: valid?.object.spec };
}

describe("an API server and we", () => {
  const shares = [0, 3, 20];
  test.each(KINDS.flatMap((kind) => shares.map((share) => [kind, share] as const)))("judge a %s alike, with %i bad values of 100", async (kind, share) => {
    const schema = crdOf(kind).spec.versions[0].schema.openAPIV3Schema.properties!["spec"]!;
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(specsOf(schema, share), async (spec) => {
        const found = await verdicts(kind, spec);
        if (found.server.length === 0) taken++;
        expect({ taken: found.server.length === 0, causes: found.server }, `we say ${found.own.join("; ") || "yes"}`).toMatchObject({ taken: found.own.length === 0 });
        if (found.server.length === 0) expect(found.serverSpec).toEqual(found.ownSpec);
      }),
      { numRuns: Math.ceil(RUNS / shares.length), endOnFailure: false },
    );
    if (share === 0) expect(taken).toBeGreaterThan(0);
  });

  const texts: readonly (readonly [rule: string, kind: ClusterKind, specWith: (text: string) => unknown])[] = [
    ["isCIDR(self)", "ClusterResponsePolicy", (text) => ({ rules: [{ name: "r", connection: {}, peers: { cidrs: [text] } }] })],
    ["isIP(self)", "ClusterFlowReset", (text) => ({ match: { client: { ip: text } } })],
    ["duration(self)", "SensorFleet", (text) => ({ timeouts: { established: text } })],
    ["self.split('-')", "ClusterResponsePolicy", (text) => ({ rules: [{ name: "r", connection: {}, ports: [text] }] })],
    ["self.contains(':')", "ClusterResponsePolicy", (text) => ({ rules: [{ name: "r", connection: {} }], subject: { interfaces: [text] } })],
  ];
  test.each(texts.flatMap(([rule, kind, specWith]) => pooledTexts(rule).map((text) => [rule, text, kind, specWith(text)] as const)))("read alike by %s: %j", async (_rule, _text, kind, spec) => {
    const found = await verdicts(kind, spec);
    expect(found.server.length === 0, `the API server says ${found.server.join("; ") || "yes"}, we say ${found.own.join("; ") || "yes"}`).toBe(found.own.length === 0);
  });

  it("name the same field where one value is wrong", async () => {
    const bad: readonly (readonly [ClusterKind, unknown, string])[] = [
      ["ResponsePolicy", { rules: [{ name: "r", connection: {}, ports: ["0"] }] }, "spec.rules[0].ports[0]"],
      ["FlowReset", { match: { client: { ip: "0.0.0.0" } } }, "spec.match.client.ip"],
      ["SensorFleet", { capture: { workers: 65 } }, "spec.capture.workers"],
    ];
    for (const [kind, spec, field] of bad) {
      const found = await verdicts(kind, spec);
      expect([found.server.map((cause) => cause.split(": ")[0]), found.own.map((fault) => fault.split(": ")[0])]).toEqual([[field], [field]]);
    }
  });
});
