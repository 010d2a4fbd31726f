/** Against a real API server: its immutability is what the invariant rests on. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { connect, RESOURCES, type KubeClient } from "../../kube/mod.ts";
import { sharedApiServer } from "../../test/cluster/mod.ts";
import { MarkKeyKeeper } from "./mod.ts";
import type { MarkKeySecret } from "./plan.ts";

const { signal } = new AbortController();
const server = sharedApiServer();
let client: KubeClient;
let namespace: string;
let changes = 0;

beforeAll(async () => {
  client = await connect({ kubeconfig: server.kubeconfigPath });
  namespace = await server.createNamespace("mark");
});
afterAll(() => client?.close());

const name = "flowreset-mark-key";
const keeper = () => new MarkKeyKeeper({ client, namespace, name, fieldManager: "flowreset-operator", labels: {}, onChange: () => changes++ });
const read = () => client.get<MarkKeySecret>(RESOURCES.secrets, { namespace, name });

it("many leaders at once make one key, and all of them know it in the end", async () => {
  const keepers = Array.from({ length: 8 }, keeper);
  await Promise.allSettled(keepers.map((each) => each.reconcile(signal)));
  expect(keepers.every(({ isSettled }) => isSettled)).toBe(true);
  const { metadata, data } = await read();
  for (const each of keepers) await each.reconcile(signal);
  expect(new Set(keepers.map(({ uid }) => uid))).toEqual(new Set([metadata.uid]));
  expect(Buffer.from(data!["key"]!, "base64").toString()).toMatch(/^[0-9a-f]{16}$/);
  expect((await read()).metadata.resourceVersion).toBe(metadata.resourceVersion);
  expect(changes).toBe(8);
});

it("a new leader keeps the key that there is", async () => {
  const before = await read();
  const next = keeper();
  await next.reconcile(signal);
  expect([next.uid, await read()]).toEqual([before.metadata.uid, before]);
});

it("who deletes it has another made, and is told once", async () => {
  const one = keeper();
  await one.reconcile(signal);
  const before = await read();
  await client.delete(RESOURCES.secrets, { namespace, name });
  changes = 0;
  await one.reconcile(signal);
  await one.reconcile(signal);
  const after = await read();
  expect([after.metadata.uid, changes]).toEqual([one.uid, 1]);
  expect(after.data).not.toEqual(before.data);
});

it("one that sensors cannot read is left as it is, and named", async () => {
  await client.delete(RESOURCES.secrets, { namespace, name });
  await client.create<MarkKeySecret>(RESOURCES.secrets, { apiVersion: "v1", kind: "Secret", metadata: { namespace, name }, data: { key: "" } });
  const one = keeper();
  await expect(one.reconcile(signal)).rejects.toThrow(/^Delete the Secret flowreset-mark-key/);
  expect([one.uid, one.isSettled, (await read()).data]).toEqual([undefined, true, { key: "" }]);
});
