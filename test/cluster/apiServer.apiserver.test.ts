import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { env } from "node:process";
import { describe, expect, it } from "vitest";
import { ApiServer, sharedApiServer, startApiServer } from "./mod.ts";

const server = sharedApiServer();
const version = (await server.expect("GET", "/version")).gitVersion as string;

describe("the shared API server", () => {
  it("is one that Kubernetes 1.32's rules hold for, and says which", () => {
    expect(version).toMatch(/^v1\.(3[2-9]|[4-9]\d)\./);
    expect(version).toContain(env["KUBERNETES"] ?? "");
  });

  it("takes what kubectl applies, and refuses a misspelt field as kubectl does", async () => {
    const namespace = await server.createNamespace("fixture");
    const pod = `{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: ${namespace}}, spec: {containers: [{name: a, image: a}]}}`;
    expect(await server.apply(pod)).toContain("pod/a created");
    await expect(server.apply(pod.replace("image", "imgae"))).rejects.toThrow(/unknown field "spec.containers\[0\].imgae"/);
  });

  it("knows a service account by its token, and gives it no right that no role gives", async () => {
    const namespace = await server.createNamespace("fixture");
    const token = await server.createToken({ namespace, name: "default" });
    const whoami = await server.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", { token, body: {} });
    expect(whoami.body.status.userInfo.username).toBe(`system:serviceaccount:${namespace}:default`);
    expect((await server.request("GET", "/api/v1/nodes", { token })).status).toBe(403);
  });

  it("tells what a service account has asked, and nobody else", async () => {
    const namespace = await server.createNamespace("fixture");
    const account = { namespace, name: "default" };
    const token = await server.createToken(account);
    await server.request("GET", `/api/v1/namespaces/${namespace}/pods/a`, { token });
    await server.request("PATCH", "/api/v1/nodes/a/status", { token, contentType: "application/merge-patch+json", body: {} });
    await server.request("GET", "/readyz", { token });
    await server.request("GET", "/api/v1/nodes");
    expect(server.callsOf(account)).toEqual([
      { verb: "get", group: "", resource: "pods", path: `/api/v1/namespaces/${namespace}/pods/a`, namespace, name: "a", status: 403 },
      { verb: "patch", group: "", resource: "nodes/status", path: "/api/v1/nodes/a/status", namespace: "", name: "a", status: 403 },
      { verb: "get", group: "", resource: "", path: "/readyz", namespace: "", name: "", status: 200 },
    ]);
    expect(server.callsOf({ namespace, name: "nobody" })).toEqual([]);
  });

  it("writes the node's name into the token of a pod, and refuses the token of a pod that is gone", async () => {
    const namespace = await server.createNamespace("fixture");
    const nodeName = `${namespace}-node`;
    await server.expect("POST", "/api/v1/nodes", { body: { metadata: { name: nodeName } } });
    const spec = { nodeName, containers: [{ name: "a", image: "a" }] };
    const pod = await server.expect("POST", `/api/v1/namespaces/${namespace}/pods`, { body: { metadata: { name: "a" }, spec } });
    const boundTo = { kind: "Pod", name: "a", uid: pod.metadata.uid } as const;
    const token = await server.createToken({ namespace, name: "default" }, { boundTo });
    const whoami = () => server.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", { token, body: {} });
    expect((await whoami()).body.status.userInfo.extra["authentication.kubernetes.io/node-name"]).toEqual([nodeName]);
    await server.expect("DELETE", `/api/v1/namespaces/${namespace}/pods/a?gracePeriodSeconds=0`);
    await expect.poll(async () => (await whoami()).status, { timeout: 60_000 }).toBe(401);
  });

  it("lets a kubelet change its own node and no other's", async () => {
    const [own, other] = [`own-${process.pid}`, `other-${process.pid}`];
    for (const name of [own, other]) await server.expect("POST", "/api/v1/nodes", { body: { metadata: { name } } });
    const credentials = await server.createCredentials({ name: `system:node:${own}`, groups: ["system:nodes"] });
    const label = (name: string) =>
      server.request("PATCH", `/api/v1/nodes/${name}`, { credentials, contentType: "application/merge-patch+json", body: { metadata: { labels: { a: "b" } } } });
    expect((await label(own)).status).toBe(200);
    expect((await label(other)).status).toBe(403);
  });

  it("is reached with the kubeconfig of a service account", async () => {
    const namespace = await server.createNamespace("fixture");
    using file = server.kubeconfigOf({ token: await server.createToken({ namespace, name: "default" }) });
    await expect(server.kubectl(["get", "pods"], { kubeconfigPath: file.path })).rejects.toThrow(/Forbidden.*cannot list resource "pods"/);
  });
});

describe("an API server of one's own", () => {
  it("keeps what it was told over a kill of itself and of etcd", async () => {
    await using own = await startApiServer();
    const namespace = await own.createNamespace("fault");
    await own.restartApiServer();
    expect((await own.request("GET", `/api/v1/namespaces/${namespace}`)).status).toBe(200);
    await own.stopEtcd();
    await expect.poll(async () => (await own.request("GET", "/readyz")).status, { timeout: 60_000 }).toBe(500);
    await own.startEtcd();
    await expect.poll(async () => (await own.request("GET", `/api/v1/namespaces/${namespace}`)).status, { timeout: 60_000 }).toBe(200);
  });

  it("runs the controllers that are asked for, and no other", async () => {
    await using own = await startApiServer({ controllerManager: ["namespace-controller"] });
    const namespace = await own.createNamespace("controllers");
    await own.expect("DELETE", `/api/v1/namespaces/${namespace}`);
    await expect.poll(async () => (await own.request("GET", `/api/v1/namespaces/${namespace}`)).status, { timeout: 60_000 }).toBe(404);
    expect((await own.request("GET", "/api/v1/namespaces/default/serviceaccounts/default")).status).toBe(404);
  });

  it("ends with whoever started it, also when that is killed, and leaves no file", async () => {
    const program = `import { startApiServer } from "${import.meta.dirname}/mod.ts"; console.log((await startApiServer()).kubeconfigPath); setInterval(() => {}, 1000);`;
    const starter = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "inherit"] });
    const [text] = (await once(starter.stdout, "data")) as [Buffer];
    const kubeconfigPath = text.toString().trim();
    const orphan = new ApiServer({ kubeconfigPath, kubectl: "kubectl" });
    expect((await orphan.request("GET", "/readyz")).status).toBe(200);
    starter.kill("SIGKILL");
    await expect.poll(() => orphan.request("GET", "/readyz").then(() => "up", () => "down"), { timeout: 60_000 }).toBe("down");
    await expect.poll(() => existsSync(dirname(kubeconfigPath)), { timeout: 60_000 }).toBe(false);
    await orphan.close();
  });
});
