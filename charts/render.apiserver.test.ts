/** What Helm makes of the chart for many values, and what it refuses. No API server is asked. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { CHART, find, helm, NAMESPACE, render, renderText } from "./helm.fixture.ts";

const crd = (name: string) => parse(readFileSync(join(import.meta.dirname, "../crds/manifests", `${name}.yaml`), "utf8")) as { spec: unknown };
const kinds = (objects: readonly { kind: string }[]) => objects.map(({ kind }) => kind);

it("passes helm's own linter", async () => {
  expect(await helm(["lint", "--strict", CHART])).toContain("0 chart(s) failed");
});

it("is rendered the same every time", async () => {
  expect(await renderText()).toBe(await renderText());
});

it("keeps to CRDs that the API server was tested with, field by field", async () => {
  const objects = await render();
  for (const name of ["responsepolicies", "clusterresponsepolicies", "flowresets", "clusterflowresets", "sensorfleets", "sensornodes"]) {
    expect(find(objects, "CustomResourceDefinition", `${name}.flowreset.io`)["spec"]).toEqual(crd(name).spec);
  }
});

it("labels every object, and puts each that has a namespace into the release's", async () => {
  const cluster = /^(CustomResourceDefinition|Cluster.*|ValidatingAdmission.*|PriorityClass)$/;
  for (const object of await render({ commonLabels: { team: "net" }, "priorityClass.create": true, "operator.networkPolicy.enabled": true, "monitoring.podMonitor.enabled": true })) {
    const { kind, metadata } = object;
    expect(metadata.labels, `${kind} ${metadata.name}`).toMatchObject({ "app.kubernetes.io/name": "flowreset", "app.kubernetes.io/managed-by": "Helm", team: "net" });
    expect(metadata.namespace, `${kind} ${metadata.name}`).toBe(cluster.test(kind) ? undefined : NAMESPACE);
  }
});

describe("values", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const operator = async (values: Record<string, unknown>) => find(await render(values), "Deployment", "flowreset-operator")["spec"].template;
  const container = async (values: Record<string, unknown>) => (await operator(values)).spec.containers[0];
  const fleet = async (values: Record<string, unknown>) => JSON.parse(find(await render(values), "ConfigMap", "flowreset-default-fleet")["data"].spec) as unknown;

  it("name the image by tag, or by digest, for the operator and for the sensors that it starts", async () => {
    for (const [values, image] of [
      [{}, "flowreset:0.1.0"],
      [{ "image.tag": "next" }, "flowreset:next"],
      [{ "image.repository": "r.example/flowreset", "image.digest": digest }, `r.example/flowreset:0.1.0@${digest}`],
    ] as const) {
      const { image: used, env } = await container(values);
      expect([used, env.find(({ name }: { name: string }) => name === "SENSOR_IMAGE").value]).toEqual([image, image]);
    }
  });

  it("reach the default fleet as they are, and what is left out is left to the cluster", async () => {
    expect(await fleet({})).toEqual({});
    expect(await fleet({ "fleet.spec": { tolerations: [], maxPolicyAge: "1h", capture: { workers: 2 } } })).toEqual({ tolerations: [], maxPolicyAge: "1h", capture: { workers: 2 } });
    expect(await fleet({ "image.pullPolicy": "Never", "image.pullSecrets": [{ name: "a" }] })).toEqual({ imagePullPolicy: "Never", imagePullSecrets: [{ name: "a" }] });
    expect(await fleet({ "image.pullPolicy": "Never", "fleet.spec.imagePullPolicy": "Always" })).toEqual({ imagePullPolicy: "Always" });
    expect(await fleet({ "priorityClass.create": true, "priorityClass.name": "mine" })).toEqual({ priorityClassName: "mine" });
  });

  it("name the secrets of the image for sensors of a fleet that somebody makes too: Kubernetes gives pods those of their account", async () => {
    const pullSecrets = async (values: Record<string, unknown>) => find(await render(values), "ServiceAccount", "flowreset-sensor")["imagePullSecrets"];
    expect(await pullSecrets({ "fleet.create": false, "image.pullSecrets": [{ name: "a" }] })).toEqual([{ name: "a" }]);
    expect(await pullSecrets({})).toBeUndefined();
  });

  it("keep the CRDs at uninstall unless told otherwise, and leave them out when told", async () => {
    const annotations = async (values: Record<string, unknown>) => (await render(values)).filter(({ kind }) => kind === "CustomResourceDefinition").map(({ metadata }) => metadata.annotations);
    expect(await annotations({})).toEqual(Array(6).fill({ "helm.sh/resource-policy": "keep" }));
    expect(await annotations({ "crds.keep": false })).toEqual(Array(6).fill(undefined));
    expect(await annotations({ "crds.enabled": false })).toEqual([]);
  });

  it.each([
    ["fleet.create", false, "ConfigMap"],
    ["operator.podDisruptionBudget.enabled", false, "PodDisruptionBudget"],
    ["operator.networkPolicy.enabled", true, "NetworkPolicy"],
    ["priorityClass.create", true, "PriorityClass"],
    ["monitoring.podMonitor.enabled", true, "PodMonitor"],
    ["monitoring.serviceMonitor.enabled", true, "ServiceMonitor"],
  ])("%s=%s says whether there is a %s", async (path, value, kind) => {
    expect(kinds(await render({ [path]: value })).includes(kind)).toBe(value);
    expect(kinds(await render()).includes(kind)).toBe(!value);
  });

  const onProcessors = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/arch", operator: "In", values: ["amd64", "arm64"] }] }] } };

  it("that name nothing keep the operator's pods apart, over nodes and zones", async () => {
    const { affinity, topologySpreadConstraints } = (await operator({})).spec;
    expect(affinity.nodeAffinity).toEqual(onProcessors);
    expect(affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey).toBe("kubernetes.io/hostname");
    const spread = ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((topologyKey) => ({ topologyKey, whenUnsatisfiable: "ScheduleAnyway" }));
    expect(topologySpreadConstraints).toMatchObject(spread);
    // An affinity of one's own takes the place of ours, not of these.
    expect((await operator({ "operator.affinity": { podAffinity: {} } })).spec.topologySpreadConstraints).toMatchObject(spread);
  });

  it("place the operator as its owner wants, and on linux in any case", async () => {
    const { spec, metadata } = await operator({
      "operator.nodeSelector": { pool: "system" }, "operator.tolerations": [{ operator: "Exists" }], "operator.podLabels": { a: "b" }, "operator.podAnnotations": { c: "d" },
      "operator.affinity": { podAffinity: {} }, "operator.topologySpreadConstraints": [{ maxSkew: 2 }], "operator.extraEnv": [{ name: "HTTPS_PROXY", value: "p" }],
    });
    expect(spec).toMatchObject({ nodeSelector: { "kubernetes.io/os": "linux", pool: "system" }, tolerations: [{ operator: "Exists" }], affinity: { podAffinity: {}, nodeAffinity: onProcessors }, topologySpreadConstraints: [{ maxSkew: 2 }] });
    expect(spec.affinity).not.toHaveProperty("podAntiAffinity");
    expect(metadata).toMatchObject({ labels: { a: "b", "app.kubernetes.io/component": "operator" }, annotations: { c: "d" } });
    expect(spec.containers[0].env).toContainEqual({ name: "HTTPS_PROXY", value: "p" });
  });

  it("that repeat a key of ours name it once, and change no selector", async () => {
    const values = {
      commonLabels: { "app.kubernetes.io/instance": "theirs", team: "net" }, "operator.podLabels": { "app.kubernetes.io/component": "theirs", team: "pods" },
      "operator.nodeSelector": { "kubernetes.io/os": "linux" }, "operator.podAnnotations": { "kubectl.kubernetes.io/default-container": "sidecar" },
      "monitoring.podMonitor": { enabled: true, interval: "30s", labels: { team: "monitoring", release: "prometheus" } },
    };
    const objects = await render(values);
    const { selector, template } = find(objects, "Deployment", "flowreset-operator")["spec"];
    expect(template.metadata.labels).toMatchObject({ ...selector.matchLabels, team: "pods" });
    expect(template.metadata.annotations).toEqual({ "kubectl.kubernetes.io/default-container": "sidecar" });
    expect(template.spec.nodeSelector).toEqual({ "kubernetes.io/os": "linux" });
    expect(find(objects, "PodMonitor", "flowreset-operator").metadata.labels).toMatchObject({ team: "monitoring", release: "prometheus" });
  });

  it("that are left empty are the same as none", async () => {
    const nothing = { commonLabels: null, "fleet.spec": null, "image.tag": null, "operator.affinity": null, "operator.nodeSelector": null, "operator.podLabels": null, "operator.podAnnotations": null, "operator.tolerations": null, "operator.extraArgs": null, "operator.priorityClassName": null };
    expect(await renderText(nothing)).toBe(await renderText());
  });

  it("put the test where the operator can run: its image may be for one processor", async () => {
    const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: "pool", operator: "Exists" }] }] } };
    const objects = await render({ "operator.nodeSelector": { "kubernetes.io/arch": "arm64" }, "operator.tolerations": [{ key: "system", operator: "Exists" }], "operator.affinity": { nodeAffinity, podAffinity: {} } });
    const { nodeSelector, tolerations } = find(objects, "Deployment", "flowreset-operator")["spec"].template.spec;
    expect(find(objects, "Pod", "flowreset-test")["spec"]).toMatchObject({ nodeSelector, tolerations, affinity: { nodeAffinity } });
    expect(nodeSelector).toEqual({ "kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64" });
    expect(find(await render(), "Pod", "flowreset-test")["spec"].affinity).toEqual({ nodeAffinity: onProcessors });
  });

  it("give the operator the system's priority, or one that a cluster allows it, or its own", async () => {
    const priority = async (values: Record<string, unknown>) => (await operator(values)).spec.priorityClassName;
    expect(await priority({})).toBe("system-cluster-critical");
    expect(await priority({ "priorityClass.create": true, "priorityClass.name": "mine" })).toBe("mine");
    expect(await priority({ "priorityClass.create": true, "operator.priorityClassName": "other" })).toBe("other");
  });

  it("let a chart that depends on this one have a condition", async () => {
    expect(await renderText({ enabled: true })).toBe(await renderText());
  });

  it("add to the operator's command line", async () => {
    expect((await container({})).args).toEqual(["operator", "--log-level", "info"]);
    expect((await container({ "operator.extraArgs": ["--profiling-listen", "127.0.0.1:6060"] })).args).toEqual(["operator", "--log-level", "info", "--profiling-listen", "127.0.0.1:6060"]);
  });

  it("of rbac.aggregate say whose roles get ours", async () => {
    const aggregated = async (values: Record<string, unknown>, name: string) =>
      Object.keys(find(await render(values), "ClusterRole", name).metadata.labels!).flatMap((label) => /aggregate-to-(.*)/.exec(label)?.[1] ?? []).sort();
    expect(await aggregated({}, "flowreset-view")).toEqual(["admin", "edit", "view"]);
    expect(await aggregated({}, "flowreset-edit")).toEqual(["admin"]);
    expect(await aggregated({ "rbac.aggregate.edit": true }, "flowreset-edit")).toEqual(["admin", "edit"]);
    expect(await aggregated({ "rbac.aggregate": { view: false, admin: false, edit: false } }, "flowreset-view")).toEqual([]);
    for (const name of ["flowreset-admin", "flowreset-responder", "flowreset-operator", "flowreset-sensor"]) expect(await aggregated({ "rbac.aggregate.edit": true }, name)).toEqual([]);
  });
});

describe("a wrong value is refused with its path", () => {
  it.each([
    [{ "operator.replicas": "two" }, /operator\/replicas'?: got string, want integer/],
    [{ "operator.replica": 2 }, /operator'?: additional properties 'replica' not allowed/],
    [{ "image.digest": "sha256:short" }, /image\/digest'?: .*does not match pattern/],
    [{ "image.pullPolicy": "Sometimes" }, /image\/pullPolicy'?: value must be one of/],
    [{ "fleet.spec.enforcement": "Off" }, /fleet\/spec\/enforcement'?: value must be one of/],
    [{ "fleet.spec.capture.workers": "many" }, /fleet\/spec\/capture\/workers'?: got string, want integer/],
    [{ "fleet.spec.capture.threads": 2 }, /fleet\/spec\/capture'?: additional properties 'threads' not allowed/],
    [{ "fleet.spec.maxPolicyAge": "a while" }, /fleet\/spec\/maxPolicyAge'?: .*does not match pattern/],
    [{ "operator.tolerations": [{ keys: "a" }] }, /operator\/tolerations\/0'?: additional properties 'keys' not allowed/],
    [{ "operator.resources.limits.memory": "lots" }, /operator\/resources\/limits\/memory'?: .*does not match pattern/],
    [{ "image.repository": "r.example/flowreset:1" }, /image\/repository'?: .*does not match pattern/],
    [{ "fleet.name": "a".repeat(53) }, /fleet\/name'?: maxLength: got 53, want 52/],
    [{ "fleet.name": "a..b" }, /fleet\/name'?: .*does not match pattern/],
    [{ "commonLabels.team": "a".repeat(64) }, /commonLabels\/team'?: maxLength: got 64, want 63/],
    [{ "operator.podLabels": { "a b": "c" } }, /'a b' does not match pattern/],
    [{ "operator.resources.limits.cpu": -1 }, /operator\/resources\/limits\/cpu'?: minimum: got -1, want 0/],
    [{ "monitoring.podMonitor.interval": "5x" }, /monitoring\/podMonitor\/interval'?: .*does not match pattern/],
    [{ operator: null }, /at '': missing property 'operator'/],
    [{ "operator.logLevel": null }, /at '\/operator': missing property 'logLevel'/],
    [{ "operator.podDisruptionBudget": null }, /at '\/operator': missing property 'podDisruptionBudget'/],
    [{ "operator.networkPolicy.apiServerPorts": [0] }, /operator\/networkPolicy\/apiServerPorts\/0'?: minimum: got 0, want 1/],
    [{ "monitoring.podMonitor.enabled": true, "monitoring.serviceMonitor.enabled": true }, /Set one of monitoring\.podMonitor\.enabled and monitoring\.serviceMonitor\.enabled/],
  ])("%j", async (values, message) => {
    await expect(render(values)).rejects.toThrow(message);
  });

  it("and what Kubernetes and Prometheus would take is not", async () => {
    await render({ "image.repository": "localhost:5000/flowreset", "operator.resources.limits": { cpu: 0.5, memory: "1Ti" }, "monitoring.podMonitor.interval": "1m30s", "monitoring.podMonitor.enabled": true });
  });

  it("and so is a Kubernetes that is too old", async () => {
    await expect(render({}, "--kube-version", "1.31.9")).rejects.toThrow(/chart requires kubeVersion: >=1\.32\.0-0 which is incompatible with Kubernetes v1\.31\.9/);
  });
});
