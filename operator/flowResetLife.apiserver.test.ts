import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ResetReport } from "../crds/stream/mod.ts";
import type { RunningOperator } from "./options.ts";
import { World } from "./world.fixture.ts";

let world: World;
let operator: RunningOperator;

const flow = (more: Partial<ResetReport["flows"][number]> = {}): ResetReport["flows"][number] => ({
  connection: "100 200",
  client: "10.244.1.7:40000",
  server: "10.244.2.9:443",
  outcome: "Confirmed",
  reason: "",
  rsts: 2,
  latencyMicroseconds: 412,
  actor: "first",
  ...more,
});

beforeAll(async () => {
  world = await World.start();
  await world.server.expect("POST", "/api/v1/namespaces", { body: { metadata: { name: "shop" } } });
  await world.server.createServiceAccount("shop", "default");
  for (const [index, name] of ["n1", "n2", "n3"].entries()) await world.node(name, { address: `192.168.0.${index + 1}` });
  await world.pod("shop", "web", "n1", "10.244.1.7", { labels: { app: "web" } });
  await world.pod("shop", "db", "n2", "10.244.2.9");
  operator = await world.operator("operator-0");
  await world.ready(operator);
}, 120_000);
afterAll(() => world?.close(), 60_000);

describe("a FlowReset", () => {
  it("reaches Complete by the reports of the two nodes that see the connection, which is counted once", async () => {
    const ofPods = (object: { metadata: { name: string } }) => object.metadata.name === "kill-one";
    const first = await world.sensor("n1", (object) => (ofPods(object) ? { flows: [flow({ clientPod: "shop/web" })] } : undefined));
    const second = await world.sensor("n2", (object) => (ofPods(object) ? { flows: [flow({ outcome: "Unconfirmed", actor: "second", rsts: 0, serverPod: "shop/db" })] } : undefined));
    first.start();
    second.start();
    const spec = { match: { client: { ip: "10.244.1.7" }, server: { ip: "10.244.2.9", port: 443 } } };
    await world.create("flowresets", { metadata: { name: "kill-one" }, spec }, "shop");
    await world.server.kubectl(["wait", "-n", "shop", "--for=condition=Complete", "flowreset/kill-one", "--timeout=15s"]);
    const status = await world.statusOf("flowresets", "kill-one", "shop");
    expect(status).toMatchObject({
      phase: "Succeeded",
      observedGeneration: 1,
      summary: { matched: 1, reset: 1, confirmed: 1, unconfirmed: 0 },
      sensors: { asked: 2, answered: 2 },
      flows: [{ node: "n1", outcome: "Confirmed", latency: "0.4ms", clientPod: "shop/web" }],
      message: "1 of 1 connection reset: 1 proved dead",
    });
    await first.close();
    await second.close();
  });
});
