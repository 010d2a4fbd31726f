import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CertificateAuthority, sharedApiServer } from "../test/cluster/mod.ts";
import { ManualClock } from "./testClock.fixture.ts";
import { type Clock, KubeError, type KubeObject, RESOURCES, connect } from "./mod.ts";

const server = sharedApiServer();
const client = await connect({ kubeconfig: server.kubeconfigPath, userAgent: "kube-test" });
const namespace = await server.createNamespace("kube-client");
afterAll(() => client.close());

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}
const configMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data });

describe("the calls of a client, by the answers of a real API server", () => {
  it("creates, gets, replaces and deletes; managedFields never come in", async () => {
    const made = await client.create<ConfigMap>(RESOURCES.configMaps, configMap("life", { a: "1" }), { fieldManager: "test" });
    expect(made).not.toHaveProperty("metadata.managedFields");
    const found = await client.get<ConfigMap>(RESOURCES.configMaps, { namespace, name: "life" });
    expect(found).toEqual(made);
    const replaced = await client.replace<ConfigMap>(RESOURCES.configMaps, { ...found, data: { a: "2" } });
    expect(replaced.data).toEqual({ a: "2" });
    await client.delete(RESOURCES.configMaps, { namespace, name: "life" });
    expect(await client.find(RESOURCES.configMaps, { namespace, name: "life" })).toBeUndefined();
  });

  it("refuses a write over another one: Conflict", async () => {
    const first = await client.create<ConfigMap>(RESOURCES.configMaps, configMap("race"));
    await client.replace<ConfigMap>(RESOURCES.configMaps, { ...first, data: { winner: "a" } });
    const late = client.replace<ConfigMap>(RESOURCES.configMaps, { ...first, data: { winner: "b" } });
    await expect(late).rejects.toMatchObject({ status: 409, reason: "Conflict", verb: "update", resource: "configmaps", objectName: `${namespace}/race` });
  });

  it("deletes only the object that is meant: uid and version are preconditions", async () => {
    const { metadata } = await client.create(RESOURCES.configMaps, configMap("meant"));
    const reference = { namespace, name: "meant" };
    await expect(client.delete(RESOURCES.configMaps, reference, { preconditions: { uid: "another" } })).rejects.toMatchObject({ status: 409, reason: "Conflict" });
    await expect(client.delete(RESOURCES.configMaps, reference, { preconditions: { resourceVersion: "1" } })).rejects.toMatchObject({ status: 409 });
    await client.delete(RESOURCES.configMaps, reference, { preconditions: { uid: metadata.uid!, resourceVersion: metadata.resourceVersion! } });
    expect(await client.find(RESOURCES.configMaps, reference)).toBeUndefined();
  });

  it("applies: what is no longer named goes away, what others own stays, force takes it over", async () => {
    const name = "applied";
    await client.apply(RESOURCES.configMaps, configMap(name, { a: "1", b: "1" }), { fieldManager: "first" });
    await client.apply(RESOURCES.configMaps, configMap(name, { c: "1" }), { fieldManager: "second" });
    const shrunk = await client.apply<ConfigMap>(RESOURCES.configMaps, configMap(name, { a: "1" }), { fieldManager: "first" });
    expect(shrunk.data).toEqual({ a: "1", c: "1" });
    const rude = configMap(name, { c: "2" });
    await expect(client.apply(RESOURCES.configMaps, rude, { fieldManager: "first", force: false })).rejects.toMatchObject({ status: 409, reason: "Conflict" });
    expect((await client.apply<ConfigMap>(RESOURCES.configMaps, rude, { fieldManager: "first" })).data).toEqual({ c: "2" });
  });

  it("checks without storing: dryRun", async () => {
    await client.apply(RESOURCES.configMaps, configMap("dry"), { fieldManager: "test", dryRun: true });
    await client.create(RESOURCES.configMaps, configMap("dry"), { dryRun: true });
    expect(await client.find(RESOURCES.configMaps, { namespace, name: "dry" })).toBeUndefined();
  });

  it("lists at a known version what is there now, out of the server's cache: a thousand relists never reach etcd", async () => {
    const etcdLists = async (): Promise<number> => {
      const lines = String((await server.request("GET", "/metrics")).body).split("\n");
      return Number(lines.find((line) => line.startsWith('apiserver_storage_list_total{group="",resource="configmaps"}'))?.split(" ")[1]);
    };
    const known = await client.listAll(RESOURCES.configMaps, { namespace });
    const { metadata } = await client.create(RESOURCES.configMaps, configMap("newer"));
    await client.listAll(RESOURCES.configMaps, { namespace, resourceVersion: metadata.resourceVersion });
    const before = await etcdLists();
    const { items } = await client.listAll(RESOURCES.configMaps, { namespace, resourceVersion: known.resourceVersion });
    expect(items.map(({ metadata: { name } }) => name)).toContain("newer");
    expect(await etcdLists()).toBe(before);
  });

  it("lists in pages, of one namespace or of all, by label and by field", async () => {
    for (let index = 0; index < 7; index++) {
      await client.create(RESOURCES.secrets, { apiVersion: "v1", kind: "Secret", metadata: { name: `s${index}`, namespace, labels: { half: String(index % 2) } } });
    }
    const sizes: number[] = [];
    const names: string[] = [];
    for await (const { items } of client.list(RESOURCES.secrets, { namespace, limit: 3 })) {
      sizes.push(items.length);
      names.push(...items.map(({ metadata }) => metadata.name));
      expect(items[0]).toMatchObject({ apiVersion: "v1", kind: "Secret" });
    }
    expect(sizes).toEqual([3, 3, 1]);
    expect(names).toEqual(["s0", "s1", "s2", "s3", "s4", "s5", "s6"]);
    const odd = await client.listAll(RESOURCES.secrets, { namespace, labelSelector: "half=1" });
    expect(odd.items.map(({ metadata }) => metadata.name)).toEqual(["s1", "s3", "s5"]);
    expect((await client.listAll(RESOURCES.secrets, { fieldSelector: `metadata.namespace=${namespace},metadata.name=s4` })).items).toHaveLength(1);
  });

  it("asks for smaller pages where one is longer than it takes", async () => {
    const half = "x".repeat(900_000);
    for (let index = 0; index < 12; index++) await client.create(RESOURCES.configMaps, { ...configMap(`big${index}`, { half }), metadata: { name: `big${index}`, namespace, labels: { big: "yes" } } });
    const { items } = await client.listAll(RESOURCES.configMaps, { namespace, labelSelector: "big=yes", resourceVersion: "0" });
    expect(items).toHaveLength(12);
    for (const { metadata } of items) await client.delete(RESOURCES.configMaps, { namespace, name: metadata.name });
  });

  it("writes a status only where it says something else", async () => {
    const pod = await client.create(RESOURCES.pods, { apiVersion: "v1", kind: "Pod", metadata: { name: "status", namespace }, spec: { containers: [{ name: "a", image: "a" }] } });
    const reference = { namespace, name: "status" };
    const written = await client.patchStatus(RESOURCES.pods, reference, { ...(pod.status as object), message: "hello" }, { current: pod });
    expect(written.status).toMatchObject({ message: "hello" });
    const again = await client.patchStatus(RESOURCES.pods, reference, { ...(written.status as object) }, { current: written });
    expect(again).toBe(written);
    const { message: _, ...rest } = written.status as Record<string, unknown>;
    const removed = await client.patchStatus(RESOURCES.pods, reference, rest, { current: written });
    expect(removed.status).not.toHaveProperty("message");
    const late = client.patchStatus(RESOURCES.pods, reference, { message: "late" }, { resourceVersion: written.metadata.resourceVersion! });
    await expect(late).rejects.toMatchObject({ status: 409, reason: "Conflict", resource: "pods/status" });
  });

  it("asks whose a token is, and what they may", async () => {
    const token = await server.createToken({ namespace, name: "default" });
    const review = await client.review<{ status: { authenticated: boolean; user: { username: string } } }>(RESOURCES.tokenReviews, { spec: { token } });
    expect(review.status).toMatchObject({ authenticated: true, user: { username: `system:serviceaccount:${namespace}:default` } });
    const spec = { user: review.status.user.username, resourceAttributes: { verb: "get", resource: "pods", namespace } };
    expect(await client.review(RESOURCES.subjectAccessReviews, { spec })).toMatchObject({ status: { allowed: false } });
  });

  it("names verb, resource and object in a refusal", async () => {
    const token = await server.createToken({ namespace, name: "default" });
    using file = server.kubeconfigOf({ token });
    const stranger = await connect({ kubeconfig: file.path });
    const refused = await stranger.listAll(RESOURCES.daemonSets).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(KubeError);
    expect(String(refused)).toMatch(/^KubeError: Cannot list daemonsets\.apps \(GET \/apis\/apps\/v1\/daemonsets\): 403 Forbidden, .*cannot list resource "daemonsets"/);
    expect(stranger.counters.requests()).toEqual([{ verb: "list", resource: "daemonsets.apps", code: 403, count: 1 }]);
    await stranger.close();
  });

  it("knows what it is not: no such resource", async () => {
    await expect(client.listAll({ group: "flowreset.io", version: "v9", plural: "nothings", kind: "Nothing", namespaced: false })).rejects.toMatchObject({ status: 404, reason: "NotFound" });
  });
});

describe("a connection in a pod", () => {
  const folder = mkdtempSync(join(tmpdir(), "kube-account-"));
  const { hostname: host, port } = new URL(server.url);
  const write = (token: string, ca = server.caPem): void => {
    writeFileSync(join(folder, "token"), token);
    writeFileSync(join(folder, "ca.crt"), ca);
  };
  const inPod = async (clock?: Clock) => {
    process.env["KUBERNETES_SERVICE_HOST"] = host;
    process.env["KUBERNETES_SERVICE_PORT"] = port;
    return connect({ serviceAccountFolder: folder, clock });
  };
  afterAll(() => {
    delete process.env["KUBERNETES_SERVICE_HOST"];
    rmSync(folder, { recursive: true });
  });
  const whoami = async (pod: Awaited<ReturnType<typeof inPod>>) =>
    (await pod.review<{ status: { userInfo: { username: string } } }>({ group: "authentication.k8s.io", version: "v1", plural: "selfsubjectreviews", kind: "SelfSubjectReview", namespaced: false }, {})).status.userInfo.username;

  it("takes the new token when the old one is refused, and tries once more", async () => {
    const nodeName = `kube-${namespace}`;
    const node = await server.expect("POST", "/api/v1/nodes", { body: { metadata: { name: nodeName } } });
    write(await server.createToken({ namespace, name: "default" }, { boundTo: { kind: "Node", name: nodeName, uid: node.metadata.uid } }));
    await using pod = disposable(await inPod());
    expect(await whoami(pod.client)).toBe(`system:serviceaccount:${namespace}:default`);
    await server.expect("DELETE", `/api/v1/nodes/${nodeName}`); // The token ends with its node.
    await expect.poll(() => whoami(pod.client).then(() => "known", (error: KubeError) => error.reason), { timeout: 60_000 }).toBe("Unauthorized");
    await server.createServiceAccount(namespace, "second");
    write(await server.createToken({ namespace, name: "second" }));
    expect(await whoami(pod.client)).toBe(`system:serviceaccount:${namespace}:second`);
  });

  it("trusts nobody but the CA of its files, and the new one within a minute", async () => {
    const token = await server.createToken({ namespace, name: "default" });
    const stranger = await CertificateAuthority.create("stranger");
    write(token, stranger.credentials.certPem);
    const clock = new ManualClock();
    await using pod = disposable(await inPod(clock));
    await expect(whoami(pod.client)).rejects.toMatchObject({ status: 0, reason: "Unreachable", message: expect.stringMatching(/certificate/) });
    write(token);
    await clock.advance(60_000);
    expect(await whoami(pod.client)).toBe(`system:serviceaccount:${namespace}:default`);
  });

  it("goes on with what it read while the files cannot be read", async () => {
    write(await server.createToken({ namespace, name: "default" }));
    const clock = new ManualClock();
    await using pod = disposable(await inPod(clock));
    write("");
    await clock.advance(60_000);
    expect(await whoami(pod.client)).toBe(`system:serviceaccount:${namespace}:default`);
  });

  it("says what is missing at the start", async () => {
    write("");
    await expect(inPod()).rejects.toThrow(/^Cannot use .*token, expected the service account's file: current value is empty$/);
    rmSync(join(folder, "token"));
    await expect(inPod()).rejects.toThrow(/^Cannot read .*token, expected the service account's file: current value is ENOENT$/);
  });
});

function disposable(opened: Awaited<ReturnType<typeof connect>>) {
  return { client: opened, [Symbol.asyncDispose]: () => opened.close() };
}
