/** The life of a release on a real API server: installed, upgraded, uninstalled with its kinds kept, installed again. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApiServer } from "../test/cluster/mod.ts";
import type { PrivateApiServer } from "../test/cluster/mod.ts";
import { CHART, find, helm, NAMESPACE, render, valuesWords } from "./helm.fixture.ts";

let server: PrivateApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const run = (verb: "install" | "upgrade", chart: string, values: Readonly<Record<string, unknown>> = {}, ...words: string[]) =>
  helm([verb, "flowreset", chart, "--namespace", NAMESPACE, ...valuesWords(values), ...words], server.kubeconfigPath);

const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const POLICIES = "/apis/flowreset.io/v1alpha1/namespaces/default/responsepolicies";
const policy = {
  apiVersion: "flowreset.io/v1alpha1",
  kind: "ResponsePolicy",
  metadata: { name: "kept" },
  spec: { rules: [{ name: "a", peers: { cidrs: ["203.0.113.0/24"] }, connection: {} }] },
};

/** An earlier chart: its SensorNode has one column less. */
function earlierChart(): { path: string; [Symbol.dispose](): void } {
  const folder = mkdtempSync(join(tmpdir(), "flowreset-chart-"));
  cpSync(CHART, folder, { recursive: true });
  const file = join(folder, "templates/crds/sensornodes.yaml");
  const text = readFileSync(file, "utf8");
  const earlier = text.replace(/ {8}- name: Coverage\n(?: {10}.*\n)+/, "");
  expect(earlier).not.toBe(text);
  writeFileSync(file, earlier);
  return { path: folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

const columns = async () => (await server.expect("GET", `${CRDS}/sensornodes.flowreset.io`)).spec.versions[0].additionalPrinterColumns.map(({ name }: { name: string }) => name);

describe("a release", () => {
  it("is installed by one command on a cluster that knows nothing of us", async () => {
    using earlier = earlierChart();
    expect(await run("install", earlier.path, {}, "--create-namespace")).toContain("helm test flowreset -n flowreset-system");
    expect(await columns()).not.toContain("Coverage");
    await expect.poll(async () => (await server.request("POST", POLICIES, { body: policy })).status, { timeout: 60_000 }).toBe(201);
  });

  it("brings the kinds of a newer chart when it is upgraded, and new values", async () => {
    await run("upgrade", CHART, { "fleet.spec.logLevel": "debug", "operator.replicas": 3 });
    expect(await columns()).toContain("Coverage");
    const fleet = await server.expect("GET", `/api/v1/namespaces/${NAMESPACE}/configmaps/flowreset-default-fleet`);
    expect(JSON.parse(fleet.data.spec)).toEqual({ logLevel: "debug" });
    expect((await server.expect("GET", `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/flowreset-operator`)).spec.replicas).toBe(3);
  });

  it("goes back to its first revision", async () => {
    await helm(["rollback", "flowreset", "1", "--namespace", NAMESPACE], server.kubeconfigPath);
    expect(await columns()).not.toContain("Coverage");
    await run("upgrade", CHART);
  });

  it("takes everything with it when it is uninstalled, but the kinds and what people wrote", async () => {
    const before = (await render()).filter(({ kind, metadata }) => kind !== "CustomResourceDefinition" && metadata.annotations?.["helm.sh/hook"] === undefined);
    const names = async () => (await server.kubectl(["get", [...new Set(before.map(({ kind }) => kind))].join(","), "--all-namespaces", "--selector=app.kubernetes.io/name=flowreset", "--output=name"])).trim().split("\n").filter((name) => name !== "");
    expect((await names()).length).toBe(before.length);
    const said = await helm(["uninstall", "flowreset", "--namespace", NAMESPACE], server.kubeconfigPath);
    expect(said).toContain("[CustomResourceDefinition] responsepolicies.flowreset.io");
    expect(await names()).toEqual([]);
    expect((await server.request("GET", `${POLICIES}/kept`)).status).toBe(200);
  });

  it("finds them again when it is installed again", async () => {
    await run("install", CHART);
    expect((await server.request("GET", `${POLICIES}/kept`)).status).toBe(200);
  });

  it("is one in a cluster: a second one is told whose the objects are, and takes over what was left when told to", async () => {
    const second = (...words: string[]) => helm(["install", "another", CHART, "--namespace", "elsewhere", "--create-namespace", ...words], server.kubeconfigPath);
    await expect(second()).rejects.toThrow(/exists and cannot be imported into the current release.*must equal "another": current value is "flowreset"/s);
    await helm(["uninstall", "flowreset", "--namespace", NAMESPACE], server.kubeconfigPath);
    await expect(second()).rejects.toThrow(/CustomResourceDefinition "\w+\.flowreset\.io" in namespace "" exists/);
    await second("--take-ownership");
    expect((await server.request("GET", `${POLICIES}/kept`)).status).toBe(200);
    await helm(["uninstall", "another", "--namespace", "elsewhere"], server.kubeconfigPath);
  });
});

describe("pod security", () => {
  const level = (namespace: string, value: string) => server.kubectl(["label", "--overwrite", "namespace", namespace, `pod-security.kubernetes.io/enforce=${value}`]);

  it("of the strictest kind admits the operator and the test, as pods of their own", async () => {
    const namespace = await server.createNamespace("restricted", { "pod-security.kubernetes.io/enforce": "restricted" });
    const objects = await render();
    const pods = { operator: find(objects, "Deployment", "flowreset-operator")["spec"].template.spec, test: find(objects, "Pod", "flowreset-test")["spec"] };
    for (const [name, spec] of Object.entries(pods)) {
      const { serviceAccountName: _, priorityClassName: __, ...rest } = spec;
      const { status, body } = await server.request("POST", `/api/v1/namespaces/${namespace}/pods?dryRun=All`, { body: { metadata: { name }, spec: rest } });
      expect([name, status, body.message]).toEqual([name, 201, undefined]);
    }
    // The same question must be able to end otherwise.
    const loose = { containers: [{ name: "a", image: "a" }], hostNetwork: true };
    expect((await server.request("POST", `/api/v1/namespaces/${namespace}/pods?dryRun=All`, { body: { metadata: { name: "loose" }, spec: loose } })).status).toBe(403);
  });

  it("that forbids sensors is named at install, not found out days later", async () => {
    await level(NAMESPACE, "baseline");
    await expect(run("install", CHART)).rejects.toThrow(/Label the namespace flowreset-system pod-security\.kubernetes\.io\/enforce=privileged, which sensors need: current value is baseline/);
    await run("install", CHART, { "fleet.create": false }, "--take-ownership");
    await level(NAMESPACE, "privileged");
    await run("upgrade", CHART);
  });
});
