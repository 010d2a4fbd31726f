/** Who may do what, asked of a real API server (SubjectAccessReview, as `kubectl auth can-i` does). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApiServer } from "../test/cluster/mod.ts";
import type { PrivateApiServer } from "../test/cluster/mod.ts";
import { until } from "../test/lab/mod.ts";
import { CHART, helm, NAMESPACE, render } from "./helm.fixture.ts";

let server: PrivateApiServer;

beforeAll(async () => {
  server = await startApiServer({ controllerManager: ["clusterrole-aggregation-controller"] });
  await helm(["install", "flowreset", CHART, "--namespace", NAMESPACE, "--create-namespace"], server.kubeconfigPath);
  const bind = (user: string, role: string) => ({
    apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", metadata: { name: user, namespace: "default" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role }, subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: user }],
  });
  await server.apply([bind("viewer", "view"), bind("editor", "edit"), bind("owner", "admin"), bind("analyst", "flowreset-responder"), bind("author", "flowreset-edit")]);
  await until("our rules are in Kubernetes' own roles", async () => may("owner", "create", "responsepolicies.flowreset.io", "default"), 30_000);
});
afterAll(() => server.close());

/** @param what plural.group/subresource:name, of which all but plural may be left out */
async function may(user: string, verb: string, what: string, namespace?: string): Promise<boolean> {
  const [, resource, group = "", subresource = "", name = ""] = /^([a-z]+)(?:\.([a-z0-9.]+))?(?:\/([a-z]+))?(?::(.+))?$/.exec(what)!;
  const resourceAttributes = { verb, group, resource, subresource, name, ...(namespace === undefined ? {} : { namespace }) };
  const body = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec: { user, groups: ["system:authenticated"], resourceAttributes } };
  return (await server.expect("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", { body })).status.allowed;
}

type Row = readonly [verb: string, what: string, namespace: string | undefined, allowed: boolean];

function matrix(user: string, rows: readonly Row[]): void {
  it.each(rows)("%s %s in %s: %s", async (verb, what, namespace, allowed) => {
    expect(await may(user, verb, what, namespace)).toBe(allowed);
  });
}

describe("a sensor", () => {
  matrix(`system:serviceaccount:${NAMESPACE}:flowreset-sensor`, [
    ["watch", "responsepolicies.flowreset.io", undefined, true],
    ["watch", "clusterflowresets.flowreset.io", undefined, true],
    ["list", "pods", undefined, true],
    ["patch", "sensornodes.flowreset.io/status:n1", undefined, true],
    ["watch", "configmaps:flowreset-report-stream", NAMESPACE, true],
    ["list", "configmaps", NAMESPACE, false],
    ["get", "configmaps:other", NAMESPACE, false],
    ["get", "secrets:flowreset-report-stream-tls", NAMESPACE, false],
    ["get", "secrets:flowreset-mark-key", NAMESPACE, false],
    ["list", "secrets", undefined, false],
    ["create", "pods", NAMESPACE, false],
    ["delete", "pods:a", "default", false],
    ["create", "pods/exec:a", "default", false],
    ["patch", "nodes:n1", undefined, false],
    ["update", "nodes/status:n1", undefined, false],
    ["patch", "responsepolicies.flowreset.io:a", "default", false],
    ["patch", "flowresets.flowreset.io/status:a", "default", false],
    ["create", "flowresets.flowreset.io", "default", false],
    ["delete", "sensornodes.flowreset.io:n1", undefined, false],
    ["patch", "sensorfleets.flowreset.io:default", undefined, false],
    ["create", "events.events.k8s.io", "default", false],
    ["create", "tokenreviews.authentication.k8s.io", undefined, false],
    ["create", "serviceaccounts/token:flowreset-sensor", NAMESPACE, false],
  ]);
});

describe("the operator", () => {
  matrix(`system:serviceaccount:${NAMESPACE}:flowreset-operator`, [
    ["patch", "responsepolicies.flowreset.io/status:a", "default", true],
    ["create", "daemonsets.apps", NAMESPACE, true],
    ["update", "leases.coordination.k8s.io:flowreset-operator", NAMESPACE, true],
    ["get", "secrets:flowreset-report-stream-tls", NAMESPACE, true],
    ["get", "secrets:flowreset-mark-key", NAMESPACE, true],
    ["create", "secrets:flowreset-mark-key", NAMESPACE, true],
    ["delete", "secrets:flowreset-mark-key", NAMESPACE, false],
    ["watch", "secrets:flowreset-mark-key", NAMESPACE, false],
    ["create", "events.events.k8s.io", "default", true],
    ["create", "tokenreviews.authentication.k8s.io", undefined, true],
    ["create", "daemonsets.apps", "kube-system", false],
    ["get", "secrets:other", NAMESPACE, false],
    ["list", "secrets", NAMESPACE, false],
    ["list", "secrets", undefined, false],
    ["get", "secrets:flowreset-report-stream-tls", "default", false],
    ["create", "secrets", NAMESPACE, false],
    ["create", "configmaps", NAMESPACE, false],
    ["patch", "configmaps:other", NAMESPACE, false],
    ["update", "leases.coordination.k8s.io:other", NAMESPACE, false],
    ["create", "pods", NAMESPACE, false],
    ["patch", "pods:a", "default", false],
    ["delete", "pods:a", "default", false],
    ["create", "pods/eviction:a", "default", false],
    ["patch", "nodes:n1", undefined, false],
    ["patch", "responsepolicies.flowreset.io:a", "default", false],
    ["create", "flowresets.flowreset.io", "default", false],
    ["create", "clusterflowresets.flowreset.io", undefined, false],
    ["patch", "clusterroles.rbac.authorization.k8s.io:flowreset-operator", undefined, false],
    ["escalate", "clusterroles.rbac.authorization.k8s.io:flowreset-operator", undefined, false],
    ["get", "clusterroles.rbac.authorization.k8s.io:cluster-admin", undefined, false],
    ["patch", "customresourcedefinitions.apiextensions.k8s.io:flowresets.flowreset.io", undefined, false],
    ["impersonate", "users", undefined, false],
  ]);
});

describe("people", () => {
  it.each([
    ["viewer", "list", "responsepolicies", true],
    ["viewer", "create", "flowresets", false],
    ["editor", "get", "flowresets", true],
    ["editor", "create", "flowresets", false],
    ["editor", "delete", "responsepolicies", false],
    ["owner", "create", "flowresets", true],
    ["owner", "delete", "responsepolicies", true],
    ["owner", "patch", "responsepolicies/status", false],
    ["author", "get", "responsepolicies", true],
    ["author", "patch", "responsepolicies", true],
    ["analyst", "create", "flowresets", true],
    ["analyst", "delete", "flowresets", true],
    ["analyst", "patch", "responsepolicies", false],
  ])("with a role in a namespace: %s may %s %s: %s", async (user, verb, what, allowed) => {
    const [plural, subresource] = what.split("/");
    const asked = `${plural}.flowreset.io${subresource === undefined ? "" : `/${subresource}`}`;
    expect(await may(user, verb, asked, "default")).toBe(allowed);
    expect(await may(user, verb, asked, "kube-system"), "another namespace").toBe(false);
  });

  it("who owns a namespace has no power over the cluster's twins, fleets or the emergency stop", async () => {
    for (const plural of ["clusterresponsepolicies", "clusterflowresets", "sensorfleets", "sensornodes"]) expect(await may("owner", "create", `${plural}.flowreset.io`)).toBe(false);
  });
});

describe("the roles", () => {
  it("hold no wildcard and no right by which one takes more", async () => {
    const roles = (await render()).filter(({ kind }) => kind === "ClusterRole" || kind === "Role");
    expect(roles.length).toBeGreaterThan(6);
    for (const { metadata, rules } of roles) {
      for (const rule of rules) {
        const words = [rule.apiGroups, rule.resources, rule.verbs, rule.nonResourceURLs].flat().filter((word) => word !== undefined);
        expect(words.filter((word: string) => /\*|^(escalate|bind|impersonate|approve|sign)$|^(pods\/exec|pods\/attach|pods\/ephemeralcontainers|serviceaccounts\/token|nodes\/proxy)$/.test(word)), metadata.name).toEqual([]);
      }
    }
  });
});
