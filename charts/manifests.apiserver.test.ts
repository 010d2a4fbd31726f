/** deploy/, for people without Helm: as `make manifests` writes it, applied to a real API server by kubectl. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { bringBinaries, startApiServer } from "../test/cluster/mod.ts";
import type { PrivateApiServer } from "../test/cluster/mod.ts";
import { find, NAMESPACE, render, type KubernetesObject } from "./helm.fixture.ts";

const root = join(import.meta.dirname, "..");
const deploy = join(root, "deploy");
const folder = mkdtempSync(join(tmpdir(), "flowreset-deploy-"));
let server: PrivateApiServer;
let helm: string;

beforeAll(async () => {
  ({ helm } = await bringBinaries(["helm"]));
  server = await startApiServer();
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const documents = (text: string) => parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);

it("is what `make manifests` would write today", () => {
  const file = join(folder, "flowreset.yaml");
  execFileSync(join(root, "tools/manifests.sh"), [file], { env: { ...process.env, HELM: helm } });
  expect(readFileSync(join(deploy, "flowreset.yaml"), "utf8"), "drifted: run make manifests").toBe(readFileSync(file, "utf8"));
});

it("holds what Helm would install, with a namespace that sensors may run in, and no word of Helm", async () => {
  const text = readFileSync(join(deploy, "flowreset.yaml"), "utf8");
  const names = (objects: readonly KubernetesObject[]) => objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
  const installed = (await render()).filter(({ metadata }) => metadata.annotations?.["helm.sh/hook"] === undefined);
  const objects = documents(text);
  expect(names(objects.filter(({ kind }) => kind !== "Namespace"))).toEqual(names(installed));
  expect(find(objects, "Namespace", NAMESPACE).metadata.labels).toEqual({ "pod-security.kubernetes.io/enforce": "privileged" });
  expect(JSON.stringify(objects)).not.toMatch(/helm\.sh|managed-by/);
});

it("keeps the kinds, and with them every policy, where a tool takes away what it applied", () => {
  const crds = documents(readFileSync(join(deploy, "flowreset.yaml"), "utf8")).filter(({ kind }) => kind === "CustomResourceDefinition");
  expect(crds).toHaveLength(6);
  for (const { metadata } of crds) {
    expect(metadata.annotations).toEqual({ "argocd.argoproj.io/sync-options": "Prune=false,Delete=false", "kustomize.toolkit.fluxcd.io/prune": "disabled" });
    // By this label people leave them out: docs/kubernetes.md.
    expect(metadata.labels).toMatchObject({ "app.kubernetes.io/component": "crd" });
  }
});

it("is applied by one command to a cluster that knows nothing of us, and a second time without a change", async () => {
  const apply = () => server.kubectl(["apply", "--kustomize", deploy]);
  expect(await apply()).toContain("deployment.apps/flowreset-operator created");
  // kubectl sends a disruption budget's selector again each time, and the API server finds nothing new in it.
  const changed = (await apply()).trim().split("\n").filter((line) => !line.endsWith(" unchanged"));
  expect(changed).toEqual(["poddisruptionbudget.policy/flowreset-operator configured"]);
  expect(await server.kubectl(["--namespace", NAMESPACE, "get", "poddisruptionbudget", "flowreset-operator", "--output=jsonpath={.metadata.generation}"])).toBe("1");
});

it("goes by one command, without the kinds", async () => {
  const said = await server.kubectl(["delete", "--kustomize", deploy, "--selector", "app.kubernetes.io/component!=crd", "--dry-run=client"]);
  expect(said).toContain('deployment.apps "flowreset-operator" deleted');
  expect(said).not.toContain("customresourcedefinition");
});

it("moves whole to another namespace: what keeps a sensor to its own node does not stay behind", async () => {
  const moved = join(folder, "moved");
  cpSync(deploy, join(moved, "base"), { recursive: true });
  writeFileSync(join(moved, "kustomization.yaml"), "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: elsewhere\nresources: [base]\n");
  const objects = documents(await server.kubectl(["kustomize", moved]));
  expect(JSON.stringify(objects)).not.toContain(NAMESPACE);
  expect(find(objects, "ClusterRoleBinding", "flowreset-sensor")["subjects"]).toEqual([{ kind: "ServiceAccount", name: "flowreset-sensor", namespace: "elsewhere" }]);
});

it("changes the sensors' image with the operator's, where a kustomization names another", async () => {
  const own = join(folder, "own");
  cpSync(deploy, own, { recursive: true });
  const file = join(own, "kustomization.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace("newName: flowreset", "newName: r.example/flowreset").replace(/newTag: .*/, "newTag: next"));
  const [container] = find(documents(await server.kubectl(["kustomize", own])), "Deployment", "flowreset-operator")["spec"].template.spec.containers;
  expect(container.image).toBe("r.example/flowreset:next");
  expect(container.env).toContainEqual({ name: "SENSOR_IMAGE", value: "r.example/flowreset:next" });
});

it("names the version of the product in its kustomization", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  expect(readFileSync(join(deploy, "kustomization.yaml"), "utf8")).toContain(`newTag: ${version}\n`);
});
