import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
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
  for (const [index, name] of ["n1", "n2", "n3"].entries()) await world.node(name, { addresses: [`192.168.0.${index + 1}`, `2001:db8::${index + 1}`] });
  await world.pod("shop", "web", "n1", "10.244.1.7", { labels: { app: "web" }, secondIP: "fd00:244:1::7" });
  await world.pod("shop", "web6", "n1", "fd00:244:1::8");
  await world.pod("shop", "db", "n2", "10.244.2.9");
  operator = await world.operator("operator-0");
  await world.ready(operator);
}, 240_000);
afterAll(() => world?.close(), 120_000);

const until = (name: string, phase: string, plural = "flowresets") =>
  vi.waitFor(async () => expect((await world.statusOf(plural, name, plural === "flowresets" ? "shop" : undefined)).phase).toBe(phase), { timeout: 60_000, interval: 50 });
const ofPods = { match: { client: { ip: "10.244.1.7" }, server: { ip: "10.244.2.9", port: 443 } } };

/** Sensors on n1 and n2 that do what `acts` says for a FlowReset of this name. */
const acts = new Map<string, Partial<Record<string, Partial<ResetReport>>>>();

describe("a FlowReset", () => {
  beforeAll(async () => {
    for (const node of ["n1", "n2"]) {
      const sensor = await world.sensor(node, ({ metadata }) => acts.get(metadata.name)?.[node]);
      await sensor.start();
    }
  });

  it("reaches Complete by the reports of the two nodes that see the connection, which is counted once", async () => {
    acts.set("kill-one", {
      n1: { flows: [flow({ clientPod: "shop/web" })] },
      n2: { flows: [flow({ outcome: "Unconfirmed", actor: "second", rsts: 0, serverPod: "shop/db" })] },
    });
    await world.create("flowresets", { metadata: { name: "kill-one" }, spec: ofPods }, "shop");
    await world.server.kubectl(["wait", "-n", "shop", "--for=condition=Complete", "flowreset/kill-one", "--timeout=60s"]);
    expect(await world.statusOf("flowresets", "kill-one", "shop")).toMatchObject({
      phase: "Succeeded",
      observedGeneration: 1,
      summary: { matched: 1, reset: 1, confirmed: 1, unconfirmed: 0 },
      sensors: { asked: 2, answered: 2 },
      flows: [{ node: "n1", outcome: "Confirmed", latency: "0.4ms", clientPod: "shop/web" }],
      message: "1 of 1 connection reset: 1 proved dead",
    });
  });

  it("tells the pod whose connection was cut, and itself, by Events", async () => {
    await vi.waitFor(async () => {
      const { items } = await world.server.expect("GET", "/apis/events.k8s.io/v1/namespaces/shop/events");
      expect(items.map((event: any) => `${event.regarding.kind} ${event.regarding.name} ${event.reason}`).toSorted()).toEqual(
        expect.arrayContaining(["FlowReset kill-one Confirmed", "Pod web ConnectionReset"]),
      );
    }, { timeout: 60_000 });
    expect(await world.server.kubectl(["describe", "pod", "web", "-n", "shop"])).toContain("10.244.1.7:40000 to 10.244.2.9:443 reset by FlowReset kill-one");
  });

  it("that matches nothing is over as soon as the nodes of its pods have looked", async () => {
    await world.create("flowresets", { metadata: { name: "kill-none" }, spec: ofPods }, "shop");
    await until("kill-none", "Succeeded");
    expect(await world.statusOf("flowresets", "kill-none", "shop")).toMatchObject({ sensors: { asked: 2, answered: 2 }, message: "Nothing matched on 2 sensors", summary: { matched: 0 } });
  });

  it("of an address that nobody knows asks every sensor", async () => {
    await world.create("clusterflowresets", { metadata: { name: "kill-outside" }, spec: { match: { server: { ip: "203.0.113.9" } } } });
    await until("kill-outside", "Succeeded", "clusterflowresets");
    expect(await world.statusOf("clusterflowresets", "kill-outside")).toMatchObject({ sensors: { asked: 2, answered: 2 } });
  });

  it.each<[string, string, string, number]>([
    ["a pod's IPv6 address, however it is written, asks its node", "pod6", "FD00:244:1:0:0:0:0:8", 1],
    ["a node's IPv6 address asks that node", "node6", "2001:DB8::2", 1],
    // The API server looks pods up by their first address only.
    ["a pod's second address asks every sensor", "second", "fd00:244:1::7", 2],
  ])("of %s", async (_, name, ip, asked) => {
    await world.create("clusterflowresets", { metadata: { name }, spec: { match: { client: { ip } } } });
    await until(name, "Succeeded", "clusterflowresets");
    expect((await world.statusOf("clusterflowresets", name)).sensors).toEqual({ asked, answered: asked });
  });

  it("of a node's address asks that node, of pods by their labels the nodes of these", async () => {
    await world.create("clusterflowresets", { metadata: { name: "kill-node" }, spec: { match: { client: { ip: "192.168.0.2" } } } });
    await world.create("flowresets", { metadata: { name: "kill-labels" }, spec: { match: { client: { podSelector: { matchLabels: { app: "web" } } } } } }, "shop");
    await until("kill-node", "Succeeded", "clusterflowresets");
    await until("kill-labels", "Succeeded");
    expect((await world.statusOf("clusterflowresets", "kill-node")).message).toBe("Nothing matched on 1 sensor");
    expect((await world.statusOf("flowresets", "kill-labels", "shop")).sensors).toEqual({ asked: 1, answered: 1 });
  });

  it("fails where a sensor refuses, and says which and why", async () => {
    acts.set("kill-many", { n1: { phase: "Failed", reason: "TooManyFlows", message: "512 flows match, expected at most 100", matched: 512 } });
    await world.create("flowresets", { metadata: { name: "kill-many" }, spec: ofPods }, "shop");
    await until("kill-many", "Failed");
    const status = await world.statusOf("flowresets", "kill-many", "shop");
    expect(status.message).toBe("n1: 512 flows match, expected at most 100");
    expect(status.conditions.find(({ type }: { type: string }) => type === "Failed")).toMatchObject({ status: "True", reason: "TooManyFlows" });
  });

  it("holds until its time is over, shows meanwhile what it did, then completes", async () => {
    acts.set("kill-hold", { n1: { phase: "Active", flows: [flow()] } });
    await world.create("flowresets", { metadata: { name: "kill-hold" }, spec: { ...ofPods, hold: "3s" } }, "shop");
    await until("kill-hold", "Active");
    await until("kill-hold", "Succeeded");
    const status = await world.statusOf("flowresets", "kill-hold", "shop");
    expect(Date.parse(status.completionTime) - Date.parse(status.startTime)).toBeGreaterThanOrEqual(3_000);
    expect(status.holdUntilTime).toBeDefined();
  });

  it("goes away when its time to live is over", async () => {
    await world.create("flowresets", { metadata: { name: "kill-short" }, spec: { ...ofPods, ttlSecondsAfterFinished: 1 } }, "shop");
    await vi.waitFor(async () => expect(await world.statusOf("flowresets", "kill-short", "shop")).toBe("gone"), { timeout: 60_000 });
    expect((await world.statusOf("flowresets", "kill-one", "shop")).phase).toBe("Succeeded");
  });

  it("that uses what is not supported yet fails and names the field", async () => {
    await world.create("flowresets", { metadata: { name: "kill-sni" }, spec: { match: { ...ofPods.match, sni: "*.evil.example" } } }, "shop");
    await until("kill-sni", "Failed");
    const status = await world.statusOf("flowresets", "kill-sni", "shop");
    expect(status.conditions.find(({ type }: { type: string }) => type === "Accepted")).toMatchObject({ status: "False", reason: "NotSupported", message: expect.stringMatching(/^spec\.match\.sni: .*not supported yet/) });
  });
});
