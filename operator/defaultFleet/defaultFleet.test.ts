import { expect, it } from "vitest";
import { KubeError, type EventDetails, type KubeClient } from "../../kube/mod.ts";
import { DefaultFleet } from "./mod.ts";

const configMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "flowreset-default-fleet", namespace: "flowreset-system", uid: "u1" }, data: { name: "default", spec: '{"sharedClients":["10.0.0.1"]}' } };
const refused = (status: number, reason: string) =>
  new KubeError({ status, reason, verb: "patch", resource: "sensorfleets.flowreset.io", name: "default", path: "/p", message: "spec.sharedClients[0]: Cannot read a CIDR" });

/** A cluster that answers the fleet with `error`, or takes it. */
async function reconcile(error: Error | undefined, data = configMap.data): Promise<EventDetails[]> {
  const events: EventDetails[] = [];
  const client = {
    find: async ({ kind }: { kind: string }) => (kind === "ConfigMap" ? { ...configMap, data } : undefined),
    listAll: async () => ({ items: [] }),
    apply: async () => {
      if (error !== undefined) throw error;
    },
  } as unknown as KubeClient;
  const fleet = new DefaultFleet({ client, recorder: { record: (event) => void events.push(event) }, namespace: "flowreset-system", name: "flowreset-default-fleet", ownerRole: "flowreset-operator", fieldManager: "flowreset-operator" });
  const trouble = await fleet.reconcile(new AbortController().signal).then(() => undefined, (thrown: Error) => thrown);
  if (error !== undefined) expect(trouble).toBe(error);
  return events;
}

it("a fleet that the API server refuses is told where somebody looks who finds no fleet: at the ConfigMap, with the field", async () => {
  const { apiVersion, kind, metadata } = configMap;
  expect(await reconcile(refused(422, "Invalid"))).toEqual([
    { regarding: { apiVersion, kind, ...metadata }, type: "Warning", reason: "FleetNotMade", action: "Apply", note: expect.stringContaining("spec.sharedClients[0]: Cannot read a CIDR") },
  ]);
});

it("values that cannot be read are told so too", async () => {
  expect(await reconcile(undefined, { name: "default", spec: "[]" })).toMatchObject([{ reason: "FleetNotMade", note: expect.stringMatching(/^Cannot read data\.spec of the ConfigMap/) }]);
});

it.each([
  ["that is made", undefined],
  ["whose kind comes a moment later", refused(404, "NotFound")],
  ["that somebody else wrote meanwhile", refused(409, "Conflict")],
  ["for which the API server has no time", refused(429, "TooManyRequests")],
])("a fleet %s is nothing to tell", async (_, error) => {
  expect(await reconcile(error)).toEqual([]);
});
