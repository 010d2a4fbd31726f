/** The CRDs on a real API server as people and programs meet them: kubectl, defaults, watches, status, upgrades. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { sharedApiServer } from "../../test/cluster/mod.ts";
import { API_VERSION, CLUSTER_KINDS, GROUP, isNamespaced, KIND_NAMES } from "../group.ts";
import { validate } from "../validate.ts";
import { admit, installCrds, MANIFESTS, objectOf, pathOf } from "./crds.fixture.ts";
import { crdOf, EXAMPLES } from "./mod.ts";

const server = sharedApiServer();
await installCrds(server);
const namespace = await server.createNamespace("crds");
const inNamespace = ["--namespace", namespace];
const root = join(import.meta.dirname, "../..");

const leastReset = { match: { client: { ip: "10.0.0.7" }, server: { ip: "203.0.113.9", port: 443 } } };
const leastPolicy = { rules: [{ name: "r", connection: {} }] };
const time = "2026-11-26T18:00:00Z";
const condition = (type: string, status: "True" | "False") => ({ type, status, lastTransitionTime: time, reason: "Test", message: "m", observedGeneration: 1 });

async function create(kind: "ResponsePolicy" | "FlowReset", name: string, spec: unknown): Promise<string> {
  const path = pathOf(kind, namespace);
  await server.expect("POST", path, { body: objectOf(kind, spec, name) });
  return `${path}/${name}`;
}

function patchStatus(path: string, status: object): Promise<any> {
  return server.expect("PATCH", `${path}/status`, { contentType: "application/merge-patch+json", body: { status } });
}

describe("a CRD on a real API server", () => {
  test.each(CLUSTER_KINDS)("of a %s is taken without a warning, and is structural", async (kind) => {
    const { status } = await server.expect("GET", `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${KIND_NAMES[kind].plural}.${GROUP}`);
    const conditions = Object.fromEntries(status.conditions.map(({ type, status: value }: { type: string; status: string }) => [type, value]));
    expect(conditions).toEqual({ NamesAccepted: "True", Established: "True" });
  });

  it("is reached by its short name, and all of them by the category", async () => {
    const { resources } = await server.expect("GET", `/apis/${API_VERSION}`);
    const whole = resources.filter(({ name }: { name: string }) => !name.includes("/"));
    expect(whole.map(({ kind, singularName, shortNames, categories, namespaced }: any) => [kind, singularName, shortNames, categories, namespaced]).sort()).toEqual(
      CLUSTER_KINDS.map((kind) => [kind, kind.toLowerCase(), [KIND_NAMES[kind].shortName], ["ndr"], isNamespaced(kind)]).sort(),
    );
  });

  it("reads like documentation in kubectl explain", async () => {
    const words = (await server.kubectl(["explain", "responsepolicy.spec.rules"])).replace(/\s+/g, " ");
    expect(words).toContain("A flow that any one of the rules fires on is a finding.");
    expect(words).toContain("connection <Object> Fires on a connection by its two ends, whatever is said in it.");
    expect(words).toMatch(/direction <string> enum: Inbound, Outbound, Any Seen from the subject: .* Default: Any\./);
    expect(words).toContain("name <string> -required-");
  });

  test.each(Object.entries(EXAMPLES).filter(([, file]) => file !== undefined))("takes the example of a %s", async (kind, file) => {
    const yaml = readFileSync(join(root, file!), "utf8").replace(/^ {2}namespace: .*/m, `  namespace: ${namespace}`);
    expect(await server.kubectl(["create", "--dry-run=server", "--warnings-as-errors", "--validate=strict", "--filename=-"], { input: yaml })).toMatch(new RegExp(`^${kind.toLowerCase()}\\.flowreset\\.io/\\S+ created`));
  });

  it("has a misspelt field refused by kubectl, by name", async () => {
    const policy = { ...objectOf("ResponsePolicy", { ...leastPolicy, moode: "Enforce" }), metadata: { name: "a", namespace } };
    await expect(server.apply(JSON.stringify(policy))).rejects.toThrow(/unknown field "spec.moode"/);
  });

  it("fills in the defaults that we fill in", async () => {
    for (const [kind, spec] of [["ResponsePolicy", leastPolicy], ["FlowReset", leastReset], ["SensorFleet", {}]] as const) {
      expect((await admit(server, namespace, kind, spec)).spec).toEqual(validate(objectOf(kind, spec), { standalone: false }).valid?.object.spec);
    }
  });

  it("spends no more on the rules of the largest policy than an API server grants", async () => {
    const cidrs = (rule: number) => Array.from({ length: 1_024 }, (_, index) => `${10 + rule}.${index >> 8}.${index & 255}.0/24`);
    const rules = Array.from({ length: 64 }, (_, rule) => ({ name: `r${rule}`, connection: {}, peers: { cidrs: cidrs(rule) }, ports: Array.from({ length: 64 }, (_port, port) => `${port + 1}-${port + 900}`) }));
    expect((await admit(server, namespace, "ResponsePolicy", { mode: "Enforce", rules })).causes).toEqual([]);
  });

  it("lets a SensorFleet say nothing at all", async () => {
    const { status, body } = await server.request("POST", `${pathOf("SensorFleet", "")}?dryRun=All`, { body: { apiVersion: API_VERSION, kind: "SensorFleet", metadata: { name: "a" } } });
    expect([status, body.spec?.enforcement]).toEqual([201, "Enabled"]);
  });
});

describe("kubectl get", () => {
  const lines = async (resource: string) => (await server.kubectl(["get", resource, ...inNamespace])).trimEnd().split("\n");

  it("tells a policy's story in 80 columns", async () => {
    const path = await create("ResponsePolicy", "stop-log4shell", leastPolicy);
    const counters = { detections: 412, wouldReset: 0, reset: 398, confirmed: 391, suppressed: 14 };
    await patchStatus(path, { observedGeneration: 1, conditions: [condition("Ready", "True")], sensors: { desired: 120, ready: 119, failed: 1, notSelected: 3 }, counters });
    const [head, row] = await lines("rpol");
    expect(head).toMatch(/^NAME +MODE +READY +SENSORS +DETECTIONS +RESETS +AGE$/);
    expect(row).toMatch(/^stop-log4shell +Observe +True +119 +412 +398 +\d+s$/);
    expect(Math.max(head!.length, row!.length)).toBeLessThanOrEqual(80);
  });

  it("tells a FlowReset's story in 80 columns, and what happened with -o wide", async () => {
    const path = await create("FlowReset", "kill-7xk2p", leastReset);
    const summary = { matched: 3, reset: 3, confirmed: 2, unconfirmed: 1, evaded: 0, failed: 0, wouldReset: 0, suppressed: 0 };
    await patchStatus(path, { phase: "Succeeded", summary, message: "3 connections reset, 2 proved dead" });
    const [head, row] = await lines("fr");
    expect(head).toMatch(/^NAME +PHASE +CLIENT +SERVER +MATCHED +CONFIRMED +AGE$/);
    expect(row).toMatch(/^kill-7xk2p +Succeeded +10\.0\.0\.7 +203\.0\.113\.9 +3 +2 +\d+s$/);
    expect(Math.max(head!.length, row!.length)).toBeLessThanOrEqual(80);
    expect(await server.kubectl(["get", "fr", "kill-7xk2p", "--output=wide", ...inNamespace])).toContain("3 connections reset, 2 proved dead");
  });

  it("tells of sensors, and how long ago each was heard of", async () => {
    const name = `node-${namespace}`;
    await server.expect("POST", pathOf("SensorNode", ""), { body: objectOf("SensorNode", { fleet: "default" }, name) });
    const status = { heartbeatTime: new Date(Date.now() - 35_000).toISOString(), enforcement: "Enabled", conditions: [condition("Ready", "True"), condition("Coverage", "False")], policies: { loaded: 4, failed: 0 } };
    await patchStatus(`${pathOf("SensorNode", "")}/${name}`, status);
    expect(await server.kubectl(["get", "sn", name])).toMatch(/^NAME +FLEET +READY +COVERAGE +ENFORCEMENT +POLICIES +SEEN\n\S+ +default +True +False +Enabled +4 +\d+s$/m);
    const ofFleet = async (fleet: string) => (await server.kubectl(["get", "sn", "--output=name", `--field-selector=metadata.name=${name},spec.fleet=${fleet}`])).trim();
    expect([await ofFleet("default"), await ofFleet("other")]).toEqual([`sensornode.flowreset.io/${name}`, ""]);
    await server.expect("DELETE", `${pathOf("SensorNode", "")}/${name}`);
  });
});

describe("a FlowReset", () => {
  it("cannot be changed, in a word or by a field more", async () => {
    const path = await create("FlowReset", "immutable", leastReset);
    for (const spec of [{ hold: "1s" }, { match: { sni: "*.example.com" } }]) {
      const { status, body } = await server.request("PATCH", path, { contentType: "application/merge-patch+json", body: { spec } });
      expect([status, body.message]).toEqual([422, expect.stringContaining("Cannot change a FlowReset, expected a new one in its place")]);
    }
    expect((await server.request("PATCH", path, { contentType: "application/merge-patch+json", body: { metadata: { labels: { a: "b" } } } })).status).toBe(200);
  });

  it("is found while it is unfinished, also before it has a status", async () => {
    const selector = encodeURIComponent("status.phase!=Succeeded,status.phase!=Failed,status.phase!=Expired");
    const unfinished = async () => {
      const { items } = await server.expect("GET", `${pathOf("FlowReset", namespace)}?fieldSelector=${selector}`);
      return items.map(({ metadata }: any) => metadata.name).filter((name: string) => name.startsWith("phase-"));
    };
    const [none, active, done] = await Promise.all(["phase-none", "phase-active", "phase-done"].map((name) => create("FlowReset", name, leastReset)));
    expect(none).toBeDefined();
    await patchStatus(active!, { phase: "Active" });
    await patchStatus(done!, { phase: "Succeeded" });
    expect((await unfinished()).sort()).toEqual(["phase-active", "phase-none"]);
  });

  it("is waited for by kubectl as a Job is", async () => {
    const path = await create("FlowReset", "awaited", leastReset);
    const waiting = server.kubectl(["wait", "--for=condition=Complete", "--timeout=60s", "flowreset/awaited", ...inNamespace]);
    await patchStatus(path, { phase: "Succeeded", conditions: [condition("Accepted", "True"), condition("Complete", "True")] });
    expect(await waiting).toContain("condition met");
  });
});

describe("a status", () => {
  it("is written by itself, and the spec is not", async () => {
    const path = await create("ResponsePolicy", "halves", leastPolicy);
    await server.expect("PATCH", `${path}/status`, { contentType: "application/merge-patch+json", body: { spec: { mode: "Enforce" }, status: { observedGeneration: 1 } } });
    const whole = await server.expect("PATCH", path, { contentType: "application/merge-patch+json", body: { spec: { severity: "Low" }, status: { observedGeneration: 9 } } });
    expect([whole.spec.mode, whole.spec.severity, whole.status.observedGeneration, whole.metadata.generation]).toEqual(["Observe", "Low", 1, 2]);
  });

  it.each([
    ["an eleventh failure", { failures: Array.from({ length: 11 }, (_, index) => ({ node: `n${index}`, message: "m" })) }, /status\.failures: Too many/],
    ["a condition twice", { conditions: [condition("Ready", "True"), condition("Ready", "False")] }, /status\.conditions\[1\]: Duplicate value/],
    ["a count below nothing", { sensors: { desired: -1, ready: 0, failed: 0, notSelected: 0 } }, /status\.sensors\.desired: Invalid value/],
    ["a time that is none", { conditions: [{ ...condition("Ready", "True"), lastTransitionTime: "now" }] }, /lastTransitionTime: Invalid value/],
  ])("with %s is refused", async (_name, status, cause) => {
    const path = `${pathOf("ResponsePolicy", namespace)}/halves`;
    const { status: code, body } = await server.request("PATCH", `${path}/status`, { contentType: "application/merge-patch+json", body: { status } });
    expect([code, body.message]).toEqual([422, expect.stringMatching(cause)]);
  });

  it("has its conditions merged by type when it is applied", async () => {
    const path = await create("ResponsePolicy", "merged", leastPolicy);
    const apply = (manager: string, type: string) =>
      server.expect("PATCH", `${path}/status?fieldManager=${manager}&force=true`, {
        contentType: "application/apply-patch+yaml",
        body: { apiVersion: API_VERSION, kind: "ResponsePolicy", metadata: { name: "merged" }, status: { conditions: [condition(type, "True")] } },
      });
    await apply("one", "Ready");
    const { status } = await apply("two", "Reconciling");
    expect(status.conditions.map(({ type }: { type: string }) => type).sort()).toEqual(["Ready", "Reconciling"]);
  });
});

describe("an upgrade", () => {
  /** A CRD of yesterday: another group, so that the shared server's own stay as they are. */
  const group = `upgrade-${namespace}.example.com`;
  const definition = (rewrite: (spec: any) => void) => {
    const crd = JSON.parse(JSON.stringify(crdOf("ResponsePolicy"))) as any;
    Object.assign(crd.metadata, { name: `responsepolicies.${group}` });
    Object.assign(crd.spec, { group });
    Object.assign(crd.spec.names, { categories: [], shortNames: [] });
    rewrite(crd.spec.versions[0].schema.openAPIV3Schema.properties.spec);
    return crd;
  };
  const name = `crd/responsepolicies.${group}`;
  const path = `/apis/${group}/v1alpha1/namespaces/${namespace}/responsepolicies`;

  it("leaves an object that was stored before it as it is, and asks for what is new when that part is changed", async () => {
    const yesterday = definition((spec) => {
      delete spec["x-kubernetes-validations"];
      delete spec.properties.severity;
      delete spec.properties.rules.items["x-kubernetes-validations"];
      spec.properties.rules.items.properties.colour = { type: "string", maxLength: 16 };
    });
    await server.apply([yesterday]);
    await server.established(name);
    const old = { apiVersion: `${group}/v1alpha1`, kind: "ResponsePolicy", metadata: { name: "old" }, spec: { rules: [{ name: "r", colour: "red" }] } };
    await expect.poll(async () => (await server.request("POST", path, { body: old })).status, { timeout: 60_000 }).toBe(201);

    await server.apply([definition(() => {})]);
    // The new schema serves when its default shows.
    await expect.poll(async () => (await server.expect("GET", `${path}/old`)).spec.severity, { timeout: 60_000 }).toBe("Medium");
    const merge = (body: object, suffix = "") => server.request("PATCH", `${path}/old${suffix}`, { contentType: "application/merge-patch+json", body });
    // Ratcheting: what does not obey the new rule, and is not touched, is no reason to refuse a change of something else.
    // 1.32 judges the whole object again when its status is written: it gets none before it obeys.
    const { minor } = await server.expect("GET", "/version");
    expect((await merge({ status: { observedGeneration: 1 } }, "/status")).status).toBe(Number.parseInt(minor) < 33 ? 422 : 200);
    expect((await merge({ spec: { severity: "High" } })).status).toBe(200);
    const { status, body } = await merge({ spec: { rules: [{ name: "s" }] } });
    expect([status, body.message]).toEqual([422, expect.stringContaining("Cannot use a rule without a detector")]);

    const stored = await server.expect("GET", `${path}/old`);
    expect(validate({ ...stored, apiVersion: API_VERSION }, { standalone: false }).faults).toEqual([
      { path: ["spec", "rules", 0], message: expect.stringContaining("Cannot use a rule without a detector") },
    ]);
    await server.kubectl(["delete", name, "--wait=false"]);
  });

  it("is the same files applied again", async () => {
    expect(await server.kubectl(["diff", "--server-side", "--force-conflicts", `--filename=${MANIFESTS}`])).toBe("");
  });
});
