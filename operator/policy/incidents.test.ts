import { describe, expect, it } from "vitest";
import type { IncidentReport } from "../../crds/stream/mod.ts";
import type { EventDetails, EventRecorder, KubeClient, KubeObject } from "../../kube/mod.ts";
import { IncidentRecorder } from "./incidents.ts";
import { MAX_INCIDENTS_WAITING, MAX_POD_LOOKUPS } from "./limits.ts";

const TIME = "2026-11-26T12:00:00Z";
const incident = (more: Partial<IncidentReport> = {}): IncidentReport => ({
  uid: "p1",
  kind: "ResponsePolicy",
  namespace: "shop",
  name: "guard",
  rule: "r",
  pod: { namespace: "shop", name: "web", uid: "u-web" },
  client: "10.0.0.7:40000",
  server: "192.0.2.1:443",
  outcome: "Confirmed",
  reason: "",
  count: 1,
  firstTime: TIME,
  lastTime: TIME,
  ...more,
});

/** An API server that answers when the test says so. */
function world(pods: Readonly<Record<string, { uid: string; node: string }>> = { "shop/web": { uid: "u-web", node: "n1" } }) {
  const events: EventDetails[] = [];
  const waiting: (() => void)[] = [];
  let asked = 0;
  const find = async (_resource: unknown, { namespace, name }: { namespace?: string; name: string }): Promise<KubeObject | undefined> => {
    asked++;
    await new Promise<void>((resolve) => waiting.push(resolve));
    const pod = pods[`${namespace}/${name}`];
    return pod === undefined ? undefined : { apiVersion: "v1", kind: "Pod", metadata: { namespace: namespace!, name, uid: pod.uid }, spec: { nodeName: pod.node } };
  };
  const recorder = new IncidentRecorder({
    client: { find } as unknown as KubeClient,
    recorder: { record: (event: EventDetails) => void events.push(event) } as unknown as EventRecorder,
    keyOf: (uid) => (uid === "p1" ? "ResponsePolicy shop/guard" : undefined),
  });
  const answerAll = async (): Promise<void> => {
    for (let round = 0; round < 2_000 && waiting.length > 0; round++) {
      for (const resolve of waiting.splice(0)) resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { recorder, events, waiting, answerAll, asked: () => asked, ofPods: () => events.filter(({ regarding }) => regarding.kind === "Pod") };
}

describe("what policies did", () => {
  it("is told of the policy at once, and of the pod when it is known to be the node's own", async () => {
    const { recorder, events, answerAll, ofPods } = world();
    recorder.take("n1", [incident()]);
    expect(events.map(({ regarding }) => regarding.kind)).toEqual(["ResponsePolicy"]);
    await answerAll();
    expect(ofPods()).toMatchObject([{ regarding: { name: "web", uid: "u-web" }, related: { name: "guard" }, reason: "ConnectionReset" }]);
  });

  it.each([
    ["of a policy that there is not", "n1", incident({ uid: "p2" }), 0],
    ["of a policy by the uid of another, in a namespace of the sensor's choice", "n1", incident({ namespace: "kube-system" }), 0],
    ["of a policy by the uid of another, of the other kind", "n1", incident({ kind: "ClusterResponsePolicy", namespace: "" }), 0],
    ["of another node's pod", "n2", incident(), 1],
    ["of a pod that has the name of an earlier one", "n1", incident({ pod: { namespace: "shop", name: "web", uid: "u-old" } }), 1],
    ["of a pod that there is not", "n1", incident({ pod: { namespace: "shop", name: "none", uid: "u-none" } }), 1],
    ["that cut nothing", "n1", incident({ outcome: "WouldReset" }), 1],
  ])("%s makes no Event of a pod", async (_what, node, told, ofPolicy) => {
    const { recorder, events, answerAll, ofPods } = world();
    recorder.take(node, [told]);
    await answerAll();
    expect(events).toHaveLength(ofPolicy);
    expect(ofPods()).toEqual([]);
  });

  it("asks for a pod once, however often it is spoken of", async () => {
    const { recorder, asked, answerAll, ofPods } = world();
    recorder.take("n1", [incident()]);
    await answerAll();
    for (let times = 0; times < 50; times++) recorder.take("n1", [incident()]);
    await answerAll();
    expect([asked(), ofPods().length]).toEqual([1, 51]);
  });

  it("cannot be told of another pod by the uid of one's own", async () => {
    const { recorder, answerAll, ofPods } = world();
    recorder.take("n1", [incident()]);
    await answerAll();
    recorder.take("n1", [incident({ pod: { namespace: "bank", name: "vault", uid: "u-web" } })]);
    await answerAll();
    expect(ofPods().map(({ regarding }) => regarding.name)).toEqual(["web"]);
  });

  it("in a storm leaves the API server's connections to others, keeps no more than it can, and counts the rest", async () => {
    const { recorder, waiting, answerAll, ofPods } = world({});
    const reports = MAX_INCIDENTS_WAITING;
    for (let report = 0; report < reports; report++) recorder.take("n1", [0, 1].map((each) => incident({ pod: { namespace: "shop", name: `p${report}-${each}`, uid: `u${report}-${each}` } })));
    expect(waiting.length).toBe(MAX_POD_LOOKUPS);
    expect(recorder.dropped).toBe(2 * reports - MAX_INCIDENTS_WAITING - MAX_POD_LOOKUPS);
    await answerAll();
    expect(ofPods()).toEqual([]);
    recorder.take("n1", [incident({ pod: { namespace: "shop", name: "late", uid: "u-late" } })]);
    expect(waiting.length).toBe(1);
    await answerAll();
  });

  it("are no more when it is closed", async () => {
    const { recorder, events, waiting, answerAll } = world();
    recorder.take("n1", [incident()]);
    recorder.close();
    await answerAll();
    recorder.take("n1", [incident()]);
    expect([events.length, waiting.length]).toEqual([1, 0]);
  });
});
