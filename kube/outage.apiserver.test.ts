/** What the server itself does to a Reflector: it dies and comes back, forgets the past, and takes rights away. */
import { cpSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type PrivateApiServer, sharedApiServer, startApiServer } from "../test/cluster/mod.ts";
import { FaultProxy } from "./faultProxy.fixture.ts";
import { type KubeClient, type KubeObject, type Log, RESOURCES, Reflector, type ReflectorOptions, connect } from "./mod.ts";
import { fastClock } from "./testClock.fixture.ts";

const POLL = { timeout: 60_000, interval: 50 };

function recordingLog(): Log & { lines: string[] } {
  const lines: string[] = [];
  const write = (_: object, message: string): void => void lines.push(message);
  return { lines, debug: write, info: write, warn: write, error: write };
}

const namesOf = (reflector: Reflector) => [...reflector.objects.values()].map(({ metadata }) => metadata.name).sort();

function follow(client: KubeClient, namespace: string, more: Partial<ReflectorOptions> = {}): Reflector {
  const reflector = new Reflector({ client, resource: RESOURCES.configMaps, namespace, onChange: () => {}, ...more });
  reflector.start();
  return reflector;
}

describe("a server that dies", () => {
  let server: PrivateApiServer;
  let namespace: string;
  beforeAll(async () => {
    server = await startApiServer({ flags: ["--etcd-compaction-interval=1s"] });
    namespace = await server.createNamespace("outage");
  });
  afterAll(() => server.close());
  const create = (name: string) => server.expect("POST", `/api/v1/namespaces/${namespace}/configmaps`, { body: { metadata: { name } } });
  const remove = (name: string) => server.expect("DELETE", `/api/v1/namespaces/${namespace}/configmaps/${name}`);

  it("is waited for, and followed again when it is back; its objects are kept meanwhile", async () => {
    const client = await connect({ kubeconfig: server.kubeconfigPath, clock: fastClock(20) });
    const reflector = follow(client, namespace);
    try {
      await create("before");
      await expect.poll(() => namesOf(reflector), POLL).toContain("before");
      await server.stopApiServer();
      await expect.poll(() => reflector.state.error?.message, POLL).toMatch(/^Cannot watch configmaps \(GET .*Unreachable, .*ECONNREFUSED/);
      expect(reflector.state.connected).toBe(false);
      expect(namesOf(reflector)).toContain("before");
      const before = client.counters.requests().reduce((sum, { count }) => sum + count, 0);
      await server.startApiServer();
      await create("after");
      await expect.poll(() => namesOf(reflector), POLL).toContain("after");
      expect(reflector.state).toMatchObject({ connected: true, error: undefined });
      // The API server takes 3 s to start, 60 s of the Reflector's time: its waits have long been growing.
      expect(client.counters.requests().reduce((sum, { count }) => sum + count, 0) - before).toBeLessThan(40);
    } finally {
      await reflector.close();
      await client.close();
    }
  });

  it("goes on after etcd was away", async () => {
    const client = await connect({ kubeconfig: server.kubeconfigPath, clock: fastClock(20) });
    const reflector = follow(client, namespace);
    try {
      await expect.poll(() => reflector.isSynced, POLL).toBe(true);
      await server.stopEtcd();
      await server.startEtcd();
      await expect.poll(() => create("etcd-is-back").then(() => true, () => false), POLL).toBe(true);
      await expect.poll(() => namesOf(reflector), POLL).toContain("etcd-is-back");
    } finally {
      await reflector.close();
      await client.close();
    }
  });

  it("has forgotten the past (410 after compaction): the difference is told, deletions too", async () => {
    const proxy = await FaultProxy.start({ server, faults: ["cut before"] });
    const client = proxy.client(fastClock(10));
    const log = recordingLog();
    const events: string[] = [];
    await create("goes");
    await create("changes");
    await create("stays");
    const reflector = follow(client, namespace, { log, onChange: ({ type, object }) => events.push(`${type} ${object.metadata.name}`) });
    try {
      await expect.poll(() => namesOf(reflector), POLL).toEqual(expect.arrayContaining(["changes", "goes", "stays"]));
      const { resourceVersion } = reflector;
      proxy.rate = 1;
      proxy.cutAll();
      events.length = 0;
      await remove("goes");
      await create("comes");
      await server.expect("PUT", `/api/v1/namespaces/${namespace}/configmaps/changes`, { body: { metadata: { name: "changes" }, data: { a: "b" } } });
      const past = `/api/v1/namespaces/${namespace}/configmaps?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact&limit=1`;
      await expect.poll(async () => (await server.request("GET", past)).status, POLL).toBe(410);
      await server.restartApiServer(); // Its cache begins anew, after the compaction.
      proxy.rate = 0;
      await expect.poll(() => [...events].sort(), POLL).toEqual(["Added comes", "Deleted goes", "Modified changes"]);
      expect(events[0]).toBe("Deleted goes");
      expect(reflector.state.relists).toBe(1);
      expect(log.lines.join("\n")).toMatch(/Cannot watch configmaps .*: 410 Expired, too old resource version/);
    } finally {
      await reflector.close();
      await client.close();
      await proxy.close();
    }
  });
});

describe("a server that is restored from a backup", () => {
  it("is followed again within two minutes, though it counts its versions from an earlier one: what came since the backup is gone", async () => {
    await using server = await startApiServer();
    const namespace = await server.createNamespace("restored");
    const create = (name: string) => server.expect("POST", `/api/v1/namespaces/${namespace}/configmaps`, { body: { metadata: { name } } });
    const data = join(dirname(server.kubeconfigPath), "etcd");
    // Not faster: a server waits for 3 s of the world before it says that it has not come as far.
    const client = await connect({ kubeconfig: server.kubeconfigPath, clock: fastClock(10) });
    const reflector = follow(client, namespace);
    const stop = async (): Promise<void> => {
      await server.stopApiServer();
      await server.stopEtcd();
    };
    const start = async (): Promise<void> => {
      await server.startEtcd();
      await server.startApiServer();
    };
    try {
      await create("kept");
      await stop();
      cpSync(data, `${data}.backup`, { recursive: true });
      await start();
      for (let index = 0; index < 300; index++) await create(`lost-${index}`);
      await expect.poll(() => namesOf(reflector), POLL).toContain("lost-299");
      await stop();
      rmSync(data, { recursive: true });
      renameSync(`${data}.backup`, data);
      await start();
      await create("after");
      const sinceMs = client.clock.monotonicMs();
      await expect.poll(() => namesOf(reflector).filter((name) => !name.startsWith("kube-")), POLL).toEqual(["after", "kept"]);
      expect(client.clock.monotonicMs() - sinceMs).toBeLessThan(180_000);
    } finally {
      await reflector.close();
      await client.close();
    }
  });
});

describe("a right that is missing", () => {
  const server = sharedApiServer();

  it("is named with verb and resource, asked for again and again, and once it is given all is told", async () => {
    const namespace = await server.createNamespace("rights");
    const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    const subjects = [{ kind: "ServiceAccount", name: "default", namespace }];
    const give = () => server.expect("POST", `${path}/rolebindings`, { body: { metadata: { name: "reader" }, subjects, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" } } });
    const take = () => server.expect("DELETE", `${path}/rolebindings/reader`);
    const create = (name: string) => server.expect("POST", `/api/v1/namespaces/${namespace}/configmaps`, { body: { metadata: { name } } });
    await server.expect("POST", `${path}/roles`, { body: { metadata: { name: "reader" }, rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["list", "watch"] }] } });

    using file = server.kubeconfigOf({ token: await server.createToken({ namespace, name: "default" }) });
    // Fast enough that a watch in which nothing happens is opened anew after a second: a running one keeps its rights.
    const client = await connect({ kubeconfig: file.path, clock: fastClock(100) });
    const states: boolean[] = [];
    const reflector = follow(client, namespace, { onState: ({ connected }) => states.push(connected) });
    try {
      await expect.poll(() => reflector.state.error?.message, POLL).toMatch(/^Cannot list configmaps \(GET .*\): 403 Forbidden, .*cannot list resource "configmaps"/);
      expect(reflector.state.error).toMatchObject({ verb: "list", resource: "configmaps", status: 403 });
      expect(reflector.isSynced).toBe(false);
      await give();
      await create("first");
      await expect.poll(() => namesOf(reflector), POLL).toEqual(["first"]);
      expect(reflector.state.error).toBeUndefined();
      await take();
      await expect.poll(() => reflector.state.error, POLL).toMatchObject({ verb: "watch", resource: "configmaps", status: 403, reason: "Forbidden" });
      expect(reflector.state.connected).toBe(false);
      expect(namesOf(reflector)).toEqual(["first"]);
      await create("second");
      await give();
      await expect.poll(() => namesOf(reflector), POLL).toEqual(["first", "second"]);
      expect(states.at(-1)).toBe(true);
    } finally {
      await reflector.close();
      await client.close();
    }
  });
});

describe("a kind that is gone", () => {
  const server = sharedApiServer();

  it("is followed again when its CRD is back", async () => {
    const plural = `things${process.pid}`;
    const names = { plural, singular: plural.slice(0, -1), kind: "Thing" };
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    const crd = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: { name: `${plural}.example.org` }, spec: { group: "example.org", names, scope: "Cluster", versions: [{ name: "v1", served: true, storage: true, schema }] } };
    const resource = { group: "example.org", version: "v1", plural, kind: "Thing", namespaced: false };
    const client = await connect({ kubeconfig: server.kubeconfigPath, clock: fastClock(50) });
    const reflector = new Reflector<KubeObject>({ client, resource, onChange: () => {} });
    const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    const define = async () => (await server.request("POST", crds, { body: crd })).status === 201;
    // Not given up early: a server holds back what comes while a CRD changes, and does it later.
    const make = async (name: string) => (await server.request("POST", `/apis/example.org/v1/${plural}`, { body: { apiVersion: "example.org/v1", kind: "Thing", metadata: { name } } })).status === 201;
    reflector.start();
    try {
      await expect.poll(() => reflector.state.error?.status, POLL).toBe(404);
      await expect.poll(define, POLL).toBe(true);
      await expect.poll(() => make("one"), POLL).toBe(true);
      await expect.poll(() => namesOf(reflector), POLL).toEqual(["one"]);
      await server.expect("DELETE", `${crds}/${crd.metadata.name}`);
      await expect.poll(() => namesOf(reflector), POLL).toEqual([]);
      await expect.poll(define, POLL).toBe(true);
      await expect.poll(() => make("two"), POLL).toBe(true);
      await expect.poll(() => namesOf(reflector), POLL).toEqual(["two"]);
    } finally {
      await reflector.close();
      await server.request("DELETE", `${crds}/${crd.metadata.name}`);
      await client.close();
    }
  });
});
