import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { connect } from "../../kube/mod.ts";
import type { KubeClient } from "../../kube/mod.ts";
import { startApiServer } from "../../test/cluster/mod.ts";
import type { PrivateApiServer } from "../../test/cluster/mod.ts";
import { ServicePoll } from "./surroundings.ts";
import type { ServiceFacts } from "./surroundings.ts";

let server: PrivateApiServer;
let client: KubeClient;

beforeAll(async () => {
  server = await startApiServer({ flags: ["--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112"] });
  client = await connect({ kubeconfig: server.kubeconfigPath });
});
afterAll(async () => {
  await client?.close();
  await server?.close();
});

const service = (namespace: string, name: string, labels: object, spec: object) =>
  server.expect("POST", `/api/v1/namespaces/${namespace}/services`, { body: { metadata: { name, labels }, spec: { ports: [{ port: 53 }], ...spec } } });

it("finds both addresses of a dual-stack name service, that of the API server, and the ports that balancers ask", async () => {
  const { spec } = await service("kube-system", "kube-dns", { "k8s-app": "kube-dns" }, { ipFamilyPolicy: "RequireDualStack" });
  const balanced = await service("default", "web", {}, { type: "LoadBalancer", externalTrafficPolicy: "Local", ipFamilyPolicy: "RequireDualStack" });
  const told: ServiceFacts[] = [];
  const faults: unknown[] = [];
  const poll = new ServicePoll(client, (facts) => told.push(facts), (fault) => faults.push(fault));
  poll.start();
  await vi.waitFor(() => expect(faults).toEqual([undefined]), { timeout: 30_000 });
  poll.close();
  expect(spec.clusterIPs).toEqual([expect.stringMatching(/^10\.96\./), expect.stringMatching(/^fd00:96::/)]);
  expect(told).toEqual([{ apiService: { addresses: ["10.96.0.1"], ports: [443] }, nameServices: spec.clusterIPs, healthCheckPorts: [balanced.spec.healthCheckNodePort] }]);
});
