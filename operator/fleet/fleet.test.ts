import { describe, expect, it } from "vitest";
import { nodeFacts } from "../nodes/mod.ts";
import { coverageOf, isWantedBy } from "./coverage.ts";
import { daemonSetOf, MAX_FLEET_NAME } from "./daemonSet.ts";
import { daemonSetFacts, fleetFacts, type DaemonSetFacts } from "./facts.ts";
import { failureOf } from "./failures.ts";
import { countsIntervalMs, planFleet, type FleetInput } from "./plan.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const fleet = (spec: object = {}, more: object = {}) =>
  fleetFacts({ apiVersion: "flowreset.io/v1alpha1", kind: "SensorFleet", metadata: { name: "default", uid: "u1", generation: 1, creationTimestamp: "2026-11-26T10:00:00Z", ...more }, spec });
const node = (name: string, labels: Record<string, string> = {}) => nodeFacts({ apiVersion: "v1", kind: "Node", metadata: { name, labels: { "kubernetes.io/os": "linux", ...labels } } });
const SURROUNDINGS = { namespace: "flowreset-system", serviceAccount: "flowreset-sensor", defaultImage: "flowreset:1", markKeySecret: "flowreset-mark-key", markKeyUid: "k1" };
const made = (spec: object = {}, more: object = {}) => daemonSetOf({ name: "default", uid: "u1", apiVersion: "flowreset.io/v1alpha1" }, fleet(spec).spec!, { ...SURROUNDINGS, ...more }) as any;
const running = (more: Partial<DaemonSetFacts> = {}): DaemonSetFacts => ({
  ...daemonSetFacts({ apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "flowreset-sensor-default", generation: 1, ownerReferences: [{ apiVersion: "", kind: "SensorFleet", name: "default", uid: "u1", controller: true }] } }),
  observedGeneration: 1,
  desired: 3,
  ready: 3,
  updated: 3,
  ...more,
});
const input = (more: Partial<FleetInput> = {}): FleetInput => ({
  fleet: fleet(),
  daemonSet: running(),
  applied: { fleetGeneration: 1, daemonSetGeneration: 1 },
  hasImage: true,
  coverage: { uncovered: 0 },
  stale: 0,
  failures: [],
  failed: 0,
  missingRights: [],
  nowMs: NOW,
  ...more,
});

describe("the DaemonSet of a fleet", () => {
  const { template, updateStrategy } = made().spec;
  const [container] = template.spec.containers;

  it("has no more rights than it needs", () => {
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"], add: ["NET_RAW"] },
    });
    expect(template.spec.securityContext).toEqual({ runAsUser: 0, runAsGroup: 0, seccompProfile: { type: "RuntimeDefault" } });
    expect(template.spec).not.toHaveProperty("hostPID");
  });

  it("runs on every Linux node that it has a program for, whatever its taints, in the node's network", () => {
    expect(template.spec).toMatchObject({ hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet", nodeSelector: { "kubernetes.io/os": "linux" }, tolerations: [{ operator: "Exists" }], priorityClassName: "system-node-critical" });
    const [term] = template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
    expect(term.matchExpressions).toContainEqual({ key: "kubernetes.io/arch", operator: "In", values: ["amd64", "arm64"] });
    expect(updateStrategy.rollingUpdate.maxUnavailable).toBe("10%");
  });

  it("has no processor limit, which would stall resets", () => {
    expect(container.resources.limits).not.toHaveProperty("cpu");
    expect(container.resources.requests.cpu).toBeDefined();
  });

  it("is probed on loopback only", () => {
    for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) expect(probe.httpGet.host).toBe("127.0.0.1");
  });

  it("shows the operator a token that is good for nothing else", () => {
    const token = template.spec.volumes.find(({ name }: { name: string }) => name === "report-token").projected.sources[0].serviceAccountToken;
    expect(token.audience).toBe("flowreset-report-stream");
    expect(container.env).toContainEqual({ name: "REPORT_TOKEN_FILE", value: `/var/run/secrets/flowreset.io/${token.path}` });
  });

  it("bounds the garbage that a sensor keeps", () => {
    expect(container.env).toContainEqual({ name: "NODE_OPTIONS", value: "--max-semi-space-size=1" });
  });

  it("keeps what V8 made of the program on the node, so that the next sensor starts quickly", () => {
    const state = container.volumeMounts.find(({ name }: { name: string }) => name === "state").mountPath;
    expect(container.env).toContainEqual({ name: "NODE_COMPILE_CACHE", value: `${state}/compile-cache` });
  });

  it("gives its sensors one key, that root alone reads; one without it starts all the same", () => {
    const { volumes } = template.spec;
    const mount = container.volumeMounts.find(({ name }: { name: string }) => name === "mark-key");
    expect(volumes.find(({ name }: { name: string }) => name === "mark-key").secret).toEqual({ secretName: "flowreset-mark-key", optional: true, defaultMode: 0o400, items: [{ key: "key", path: "key" }] });
    expect(mount).toEqual({ name: "mark-key", mountPath: "/etc/flowreset/mark-key", readOnly: true });
    expect(container.env).toContainEqual({ name: "MARK_KEY_FILE", value: `${mount.mountPath}/key` });
  });

  it("starts its sensors anew for another key, which a fleet's annotation cannot hide; and for no key not at all", () => {
    const uidOf = ({ spec }: any) => spec.template.metadata.annotations["flowreset.io/mark-key-uid"];
    expect(uidOf(made({ podAnnotations: { "flowreset.io/mark-key-uid": "mine" } }))).toBe("k1");
    expect(uidOf(made({}, { markKeyUid: undefined }))).toBeUndefined();
    expect(daemonSetFacts(made()).markKeyUid).toBe("k1");
  });

  it("passes on what the fleet says", () => {
    const { template: told } = made({
      image: "mine:2",
      imagePullPolicy: "Always",
      imagePullSecrets: [{ name: "pull" }],
      nodeSelector: { pool: "edge", "kubernetes.io/os": "windows" },
      tolerations: [{ key: "edge", operator: "Exists" }],
      podLabels: { team: "net", "app.kubernetes.io/name": "stolen" },
      podAnnotations: { note: "x" },
      resources: { requests: { cpu: "1" }, limits: { memory: "1Gi" } },
      capture: { backend: "Ring", workers: 4, busyPollMicroseconds: 50, tableCapacity: 4_096, interfaces: ["cali*", "eth0"] },
      logLevel: "debug",
    }).spec;
    expect(told.spec.containers[0]).toMatchObject({
      image: "mine:2",
      imagePullPolicy: "Always",
      args: ["sensor", "--cluster", "--listen=127.0.0.1:9464", "--capture=ring", "--workers=4", "--busy-poll=50", "--table-capacity=4096", "--log-level=debug", "--interface", "cali*", "eth0"],
      resources: { requests: { cpu: "1" }, limits: { memory: "1Gi" } },
    });
    expect(told.spec).toMatchObject({ nodeSelector: { pool: "edge", "kubernetes.io/os": "linux" }, tolerations: [{ key: "edge", operator: "Exists" }], imagePullSecrets: [{ name: "pull" }] });
    expect(told.metadata.labels).toMatchObject({ team: "net", "app.kubernetes.io/name": "flowreset", "flowreset.io/fleet": "default" });
  });

  it("serves and is probed at the fleet's own port, where another program of the node has ours", () => {
    const [{ args, livenessProbe, readinessProbe, startupProbe }] = made({ healthPort: 19_464 }).spec.template.spec.containers;
    expect(args).toContain("--listen=127.0.0.1:19464");
    for (const { httpGet } of [livenessProbe, readinessProbe, startupProbe]) expect(httpGet).toMatchObject({ host: "127.0.0.1", port: 19_464 });
  });

  it("keeps the stop that somebody made by hand on the node's disk, where a new pod finds it", () => {
    const [{ env, volumeMounts }] = made().spec.template.spec.containers;
    const { value: stopFile } = env.find(({ name }: { name: string }) => name === "FLOWRESET_STOP_FILE");
    const mount = volumeMounts.find(({ mountPath }: { mountPath: string }) => stopFile.startsWith(`${mountPath}/`));
    expect(made().spec.template.spec.volumes.find(({ name }: { name: string }) => name === mount.name)).toHaveProperty("hostPath");
  });

  it("starts sensors that can start: libpcap's library is not in the image, and takes one Worker alone", () => {
    const { args } = made({ capture: { backend: "Libpcap", workers: 4 } }).spec.template.spec.containers[0];
    expect(args).toEqual(expect.arrayContaining(["--capture=ring", "--workers=4"]));
  });
});

describe("a fleet", () => {
  for (const [what, state, reason, apply, more] of [
    ["without its DaemonSet", "Reconciling", "Applying", true, { daemonSet: undefined, applied: undefined }],
    ["whose sensors run", "Ready", "Running", false, {}],
    ["of another generation", "Reconciling", "Applying", true, { fleet: fleet({}, { generation: 2 }) }],
    ["whose sensors have no key and could have one", "Reconciling", "Applying", true, { markKeyUid: "k1" }],
    ["whose sensors have another key", "Reconciling", "Applying", true, { markKeyUid: "k2", applied: { fleetGeneration: 1, daemonSetGeneration: 1, markKeyUid: "k1" } }],
    ["whose sensors have the key", "Ready", "Running", false, { markKeyUid: "k1", applied: { fleetGeneration: 1, daemonSetGeneration: 1, markKeyUid: "k1" } }],
    ["whose DaemonSet somebody changed", "Reconciling", "Applying", true, { daemonSet: running({ metadata: { name: "d", generation: 2 } }) }],
    ["whose DaemonSet belongs to nobody any more", "Reconciling", "Applying", true, { daemonSet: running({ ownerUid: "" }) }],
    ["whose DaemonSet is shown as it was before it was written", "Reconciling", "Scheduling", false, { fleet: fleet({}, { generation: 2 }), applied: { fleetGeneration: 2, daemonSetGeneration: 2 } }],
    ["whose DaemonSet was brought back from a backup", "Reconciling", "Applying", true, { applied: { fleetGeneration: 1, daemonSetGeneration: 5, atMs: NOW - 60_000 } }],
    ["whose DaemonSet is shown as it was a moment before it was written", "Reconciling", "Scheduling", false, { applied: { fleetGeneration: 1, daemonSetGeneration: 5, atMs: NOW - 1_000 } }],
    ["whose DaemonSet somebody put another in the place of", "Reconciling", "Applying", true, { applied: { fleetGeneration: 1, daemonSetUid: "d0", daemonSetGeneration: 5 } }],
    ["whose DaemonSet somebody deleted", "Reconciling", "Applying", true, { daemonSet: undefined }],
    ["that rolls out", "Reconciling", "RollingOut", false, { daemonSet: running({ updated: 1 }) }],
    ["whose sensors start", "Reconciling", "Starting", false, { daemonSet: running({ ready: 2 }) }],
    ["whose sensors fail", "Reconciling", "SensorsFail", false, { daemonSet: running({ ready: 2 }), failed: 1, failures: [{ node: "n1", message: "ErrImagePull" }] }],
    ["for no node", "Ready", "NoNodeSelected", false, { daemonSet: running({ desired: 0, ready: 0, updated: 0 }) }],
    ["that cannot be read", "Stalled", "Invalid", false, { fleet: fleet({ capture: { workers: "many" } }) }],
    ["without an image", "Stalled", "NoImage", false, { hasImage: false }],
    ["with too long a name", "Stalled", "NameTooLong", false, { fleet: fleet({}, { name: "a".repeat(MAX_FLEET_NAME + 1) }), daemonSet: undefined }],
    ["whose DaemonSet is another's", "Stalled", "NotOwned", false, { daemonSet: running({ ownerUid: "u2" }), applied: undefined }],
    ["that overlaps an older one", "Stalled", "Overlap", false, { daemonSet: undefined, coverage: { uncovered: 0, overlap: { fleet: "old", node: "n1", nodes: 2 } } }],
    ["that is refused a right", "Reconciling", "Obstructed", false, { obstacle: "Cannot patch daemonsets.apps" }],
  ] as const) {
    it(`${what} is ${state}, ${reason}${apply ? ", and is applied" : ""}`, () => {
      const plan = planFleet(input(more as unknown as Partial<FleetInput>));
      expect(plan.apply).toBe(apply);
      const holding = plan.status!.conditions!.filter(({ type, status }) => ["Ready", "Reconciling", "Stalled"].includes(type) && status === "True");
      expect(holding.map(({ type, reason: why }) => [type, why])).toEqual([[state, reason]]);
    });
  }

  it("names the field that is wrong", () => {
    const { conditions } = planFleet(input({ fleet: fleet({ capture: { workers: "many" } }) })).status!;
    expect(conditions![0]!.message).toMatch(/^spec\.capture\.workers: /);
  });

  it("says that the emergency stop is on, and which nodes nobody watches", () => {
    const { conditions } = planFleet(input({ fleet: fleet({ enforcement: "ObserveOnly" }), stale: 1, coverage: { uncovered: 2 } })).status!;
    expect(conditions!.find(({ type }) => type === "Enforcing")).toMatchObject({ status: "False", reason: "ObserveOnly" });
    expect(conditions!.find(({ type }) => type === "Coverage")).toMatchObject({ status: "False", message: "1 sensors are silent for three heartbeats; 2 nodes cannot have a sensor" });
  });

  it("names the rights that are missing, and takes it back", () => {
    const said = planFleet(input({ missingRights: ["list pods", "watch pods (sensor)"] })).status!;
    expect(said.conditions!.find(({ type }) => type === "Permitted")).toMatchObject({ status: "False", reason: "RightsMissing", message: "The API server refuses: list pods, watch pods (sensor)" });
    const back = planFleet(input({ fleet: { ...fleet(), status: said } })).status!;
    expect(back.conditions!.find(({ type }) => type === "Permitted")).toMatchObject({ status: "True" });
  });

  it("is written at once where the answer is another one, and where only counts move, seldom for many sensors", () => {
    const status = planFleet(input({ daemonSet: running({ updated: 1 }) })).status!;
    const next = (more: Partial<FleetInput>) => planFleet(input({ fleet: { ...fleet(), status }, ...more }));
    expect(next({ daemonSet: running({ updated: 2 }) })).toMatchObject({ isUrgent: false, status: { sensors: { updated: 2 } } });
    expect(next({})).toMatchObject({ isUrgent: true });
    expect(next({ daemonSet: running({ updated: 1 }), missingRights: ["list pods"] })).toMatchObject({ isUrgent: true });
    expect(next({ fleet: { ...fleet({}, { generation: 2 }), status } })).toMatchObject({ isUrgent: true });
    expect([3, 5_000].map(countsIntervalMs)).toEqual([1_000, 25_000]);
  });

  it("is not written again while nothing changes", () => {
    const { status } = planFleet(input());
    expect(planFleet(input({ fleet: { ...fleet(), status: status! }, nowMs: NOW + 60_000 })).status).toBeUndefined();
  });
});

describe("the nodes of a fleet", () => {
  const nodes = [node("n1"), node("edge", { pool: "edge" }), node("win", { "kubernetes.io/os": "windows" }), node("virtual", { type: "virtual-kubelet" })];
  const old = fleet({ nodeSelector: { pool: "edge" } }, { name: "old", uid: "u0", creationTimestamp: "2026-11-26T09:00:00Z" });

  it("are counted where they cannot have a sensor", () => expect(coverageOf(fleet(), [], nodes)).toEqual({ uncovered: 2, overlap: undefined }));

  it("belong to the older of two fleets that select them, which does not care", () => {
    expect(coverageOf(fleet(), [old, fleet()], nodes).overlap).toEqual({ fleet: "old", node: "edge", nodes: 1 });
    expect(coverageOf(old, [old, fleet()], nodes).overlap).toBeUndefined();
  });

  it("are free when the older one goes", () => {
    const going = fleet({}, { name: "old", uid: "u0", creationTimestamp: "2026-11-26T09:00:00Z", deletionTimestamp: "2026-11-26T11:00:00Z" });
    expect(coverageOf(fleet(), [going, fleet()], nodes).overlap).toBeUndefined();
  });

  it("are wanted by a fleet that selects them and stays, or that cannot be read", () => {
    const wanted = (...fleets: ReturnType<typeof fleet>[]) => nodes.filter((each) => isWantedBy(fleets, each)).map(({ metadata }) => metadata.name);
    expect(wanted(old)).toEqual(["edge"]);
    expect(wanted(fleet({}, { deletionTimestamp: "2026-11-26T11:00:00Z" }))).toEqual([]);
    expect(wanted(fleet({ mood: 7, capture: "x" }))).toEqual(["n1", "edge"]);
  });

  it("of the same second go by the name", () => {
    const twin = fleet({}, { name: "a", uid: "u9" });
    expect(coverageOf(fleet(), [twin], nodes).overlap?.fleet).toBe("a");
    expect(coverageOf(twin, [fleet()], nodes).overlap).toBeUndefined();
  });
});

describe("a pod", () => {
  const withStatus = (status: object) => failureOf({ apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, status });
  for (const [what, status, words] of [
    ["that runs", { phase: "Running", containerStatuses: [{ state: { running: {} } }] }, undefined],
    ["that begins", { containerStatuses: [{ state: { waiting: { reason: "ContainerCreating" } } }] }, undefined],
    ["without its image", { containerStatuses: [{ state: { waiting: { reason: "ImagePullBackOff", message: "no such image" } } }] }, "ImagePullBackOff: no such image"],
    [
      "that crashes",
      { containerStatuses: [{ restartCount: 4, state: { waiting: { reason: "CrashLoopBackOff", message: "back-off" } }, lastState: { terminated: { exitCode: 1, reason: "Error", message: "one\nCannot open a socket\n" } } }] },
      "CrashLoopBackOff, ended 4 times, last Error with code 1: Cannot open a socket",
    ],
    ["that was evicted", { phase: "Failed", reason: "Evicted", message: "disk" }, "Evicted: disk"],
    ["without room", { conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "no memory" }] }, "Unschedulable: no memory"],
  ] as const) {
    it(`${what} ${words === undefined ? "has not failed" : `says ${words}`}`, () => expect(withStatus(status)).toBe(words));
  }
});
