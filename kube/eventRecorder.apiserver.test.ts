import { expect, it } from "vitest";
import { sharedApiServer } from "../test/cluster/mod.ts";
import { EventRecorder, RESOURCES, connect } from "./mod.ts";

it("what was recorded is what kubectl describe shows, counted", async () => {
  const server = sharedApiServer();
  const namespace = await server.createNamespace("events");
  const client = await connect({ kubeconfig: server.kubeconfigPath });
  const { metadata } = await client.create(RESOURCES.configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "subject", namespace } });
  const recorder = new EventRecorder({ client, reportingController: "flowreset.io/operator", reportingInstance: "operator-0" });
  const regarding = { apiVersion: "v1", kind: "ConfigMap", name: "subject", namespace, uid: metadata.uid };
  recorder.record({ regarding, type: "Warning", reason: "ConnectionReset", action: "Reset", note: "one was cut" });
  await expect.poll(() => client.counters.eventsSent).toBe(1);
  for (let times = 0; times < 6; times++) recorder.record({ regarding, type: "Warning", reason: "ConnectionReset", action: "Reset", note: "one was cut" });
  recorder.record({ regarding: { apiVersion: "v1", kind: "Node", name: "no-namespace" }, type: "Normal", reason: "Seen", action: "Look", note: "é".repeat(2_000) });
  await recorder.close();
  expect(client.counters).toMatchObject({ eventsFailed: 0, eventsDropped: 0 });
  expect(await server.kubectl(["describe", "configmap", "subject", `--namespace=${namespace}`])).toMatch(/Warning +ConnectionReset +\S+ \(x7 over \S+\) +flowreset\.io\/operator +one was cut/);
  await client.close();
});
