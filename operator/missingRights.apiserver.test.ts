import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { NAMESPACE, World } from "./world.fixture.ts";

/** An operator that may not see namespaces, nor write DaemonSets. */
let world: World;
let kubeconfig: { path: string; [Symbol.dispose](): void };

beforeAll(async () => {
  world = await World.start();
  const groups = ["flowreset.io", "coordination.k8s.io", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "rbac.authorization.k8s.io"];
  const rules = [
    { apiGroups: groups, resources: ["*"], verbs: ["*"] },
    { apiGroups: [""], resources: ["pods", "nodes", "services", "configmaps", "secrets"], verbs: ["*"] },
    { apiGroups: ["apps"], resources: ["daemonsets"], verbs: ["list", "watch"] },
  ];
  const name = "operator-with-less";
  const rbac = "/apis/rbac.authorization.k8s.io/v1";
  await world.server.expect("POST", `${rbac}/clusterroles`, { body: { metadata: { name }, rules } });
  const subjects = [{ kind: "ServiceAccount", namespace: NAMESPACE, name: "flowreset-operator" }];
  await world.server.expect("POST", `${rbac}/clusterrolebindings`, { body: { metadata: { name }, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name }, subjects } });
  await world.server.expect("POST", "/api/v1/namespaces", { body: { metadata: { name: "shop" } } });
  await world.server.createServiceAccount("shop", "default");
  await world.node("n1");
  await world.pod("shop", "web", "n1", "10.244.1.7");
  kubeconfig = world.server.kubeconfigOf({ token: await world.server.createToken({ namespace: NAMESPACE, name: "flowreset-operator" }) });
  const operator = await world.operator("operator-0", { kubeconfig: kubeconfig.path, logLevel: "silent" });
  await world.ready(operator);
}, 240_000);
afterAll(async () => {
  await world?.close();
  kubeconfig?.[Symbol.dispose]();
}, 120_000);

it("a right that is missing is named in the fleet that needs it", async () => {
  await world.create("sensorfleets", { metadata: { name: "default" } });
  const conditionOf = async (wanted: string) => (await world.statusOf("sensorfleets", "default")).conditions?.find(({ type }: { type: string }) => type === wanted);
  await vi.waitFor(async () => expect(await conditionOf("Ready")).toMatchObject({ status: "False", reason: "Obstructed", message: expect.stringMatching(/^Cannot patch daemonsets\.apps .*403 Forbidden/) }), { timeout: 60_000 });
  await vi.waitFor(async () => expect((await conditionOf("Permitted"))?.message).toMatch(/list namespaces/), { timeout: 90_000 });
}, 240_000);

it("it stops nothing else", async () => {
  const sensor = await world.sensor("n1");
  await sensor.start();
  await world.create("flowresets", { metadata: { name: "kill" }, spec: { match: { client: { ip: "10.244.1.7" } } } }, "shop");
  await world.server.kubectl(["wait", "-n", "shop", "--for=condition=Complete", "flowreset/kill", "--timeout=60s"]);
});
