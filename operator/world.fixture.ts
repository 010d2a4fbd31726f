/** A real API server with the CRDs, an operator on it, and simulated sensors on nodes that there are not. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { CLUSTER_KINDS, KIND_NAMES } from "../crds/mod.ts";
import { connect, type KubeClient, type KubeObject } from "../kube/mod.ts";
import { startApiServer, type ApiServerOptions, type PrivateApiServer } from "../test/cluster/mod.ts";
import { runOperator } from "./main.ts";
import type { OperatorOptions, RunningOperator } from "./options.ts";
import { SimulatedSensor, type SimulatedSensorOptions, type StreamPlace } from "./simulatedSensor.fixture.ts";

export const NAMESPACE = "flowreset-system";
const MANIFESTS = join(import.meta.dirname, "../crds/manifests");
const API = "/apis/flowreset.io/v1alpha1";

export class World {
  readonly server: PrivateApiServer;
  readonly client: KubeClient;
  readonly #running: { close(): Promise<void> }[] = [];

  private constructor(server: PrivateApiServer, client: KubeClient) {
    this.server = server;
    this.client = client;
  }

  static async start(options: ApiServerOptions = {}): Promise<World> {
    const server = await startApiServer(options);
    for (const name of readdirSync(MANIFESTS)) if (name.endsWith(".yaml")) await server.apply(readFileSync(join(MANIFESTS, name), "utf8"));
    await server.established("crd", "--all");
    await server.expect("POST", "/api/v1/namespaces", { body: { metadata: { name: NAMESPACE } } });
    for (const name of ["default", "flowreset-sensor", "flowreset-operator"]) await server.createServiceAccount(NAMESPACE, name);
    return new World(server, await connect({ kubeconfig: server.kubeconfigPath }));
  }

  async operator(identity: string, more: Partial<OperatorOptions> = {}): Promise<RunningOperator> {
    const operator = await runOperator({
      version: "0.1.0",
      namespace: NAMESPACE,
      identity,
      address: "127.0.0.1",
      reportListen: "127.0.0.1:0",
      healthListen: "127.0.0.1:0",
      metricsListen: undefined,
      profilingListen: undefined,
      sensorServiceAccount: "flowreset-sensor",
      sensorImage: "flowreset:test",
      kubeconfig: this.server.kubeconfigPath,
      context: undefined,
      logLevel: "error",
      lease: { leaseDurationMs: 8_000, renewDeadlineMs: 6_000, retryPeriodMs: 300 },
      ...more,
    });
    this.#running.push(operator);
    operator.finished.catch(() => {});
    return operator;
  }

  /** One in a process of its own, by the command line, that can be killed. Resolves when it leads. */
  async operatorProcess(identity: string): Promise<{ kill(): Promise<void> }> {
    const main = join(import.meta.dirname, "../cli/main.ts");
    const words = ["operator", "--kubeconfig", this.server.kubeconfigPath, "--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0", "--metrics-listen", "none", "--log-level", "info"];
    const env = { ...process.env, POD_NAME: identity, POD_NAMESPACE: NAMESPACE, POD_IP: "127.0.0.1", SENSOR_IMAGE: "flowreset:test" };
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main, ...words], { env, stdio: ["ignore", "ignore", "pipe"] });
    const ended = once(child, "exit");
    const kill = async (): Promise<void> => {
      child.kill("SIGKILL");
      await ended;
    };
    this.#running.push({ close: kill });
    let said = "";
    child.stderr.on("data", (part: Buffer) => (said += part.toString()));
    await vi.waitFor(() => expect(said).toContain('"leading"'), { timeout: 60_000 });
    return { kill };
  }

  async ready(operator: RunningOperator): Promise<void> {
    await vi.waitFor(async () => expect(await (await fetch(`${operator.healthUrl}/readyz`)).text()).toBe("ok\n"), { timeout: 60_000 });
  }

  async node(name: string, more: { address?: string; addresses?: readonly string[]; labels?: Record<string, string> } = {}): Promise<void> {
    const { address, addresses = address === undefined ? [] : [address] } = more;
    const labels = { "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", ...more.labels };
    await this.server.expect("POST", "/api/v1/nodes", { body: { metadata: { name, labels } } });
    if (addresses.length > 0) {
      const body = { status: { addresses: addresses.map((ip) => ({ type: "InternalIP", address: ip })) } };
      await this.server.expect("PATCH", `/api/v1/nodes/${name}/status`, { body, contentType: "application/merge-patch+json" });
    }
  }

  /** A pod that some kubelet is said to run. @param podIP its first address; "" for none yet */
  async pod(namespace: string, name: string, nodeName: string, podIP: string, more: { labels?: Record<string, string>; serviceAccountName?: string; secondIP?: string } = {}): Promise<string> {
    const { labels = {}, serviceAccountName = "default", secondIP } = more;
    const spec = { nodeName, serviceAccountName, containers: [{ name: "a", image: "a" }] };
    const pod = await this.server.expect("POST", `/api/v1/namespaces/${namespace}/pods`, { body: { metadata: { name, labels }, spec } });
    if (podIP === "") return pod.metadata.uid as string;
    const body = { status: { phase: "Running", podIP, podIPs: [podIP, ...(secondIP === undefined ? [] : [secondIP])].map((ip) => ({ ip })) } };
    await this.server.expect("PATCH", `/api/v1/namespaces/${namespace}/pods/${name}/status`, { body, contentType: "application/merge-patch+json" });
    return pod.metadata.uid as string;
  }

  /** A token as the sensor's pod on that node has it. */
  async sensorToken(node: string, serviceAccountName = "flowreset-sensor"): Promise<string> {
    const name = `sensor-${node}`;
    const uid = await this.pod(NAMESPACE, name, node, "", { serviceAccountName });
    return this.server.createToken({ namespace: NAMESPACE, name: serviceAccountName }, { boundTo: { kind: "Pod", name, uid }, audience: "flowreset-report-stream" });
  }

  async sensor(node: string, act?: SimulatedSensorOptions["act"], token?: string): Promise<SimulatedSensor> {
    const sensor = new SimulatedSensor({
      node,
      client: this.client,
      token: token ?? (await this.sensorToken(node)),
      place: () => this.place(),
      ...(act !== undefined && { act }),
    });
    this.#running.push(sensor);
    return sensor;
  }

  async place(): Promise<StreamPlace> {
    const { data } = await this.server.expect("GET", `/api/v1/namespaces/${NAMESPACE}/configmaps/flowreset-report-stream`);
    return data as StreamPlace;
  }

  create(plural: string, object: { metadata: object; spec?: object }, namespace?: string): Promise<KubeObject> {
    const kind = CLUSTER_KINDS.find((name) => KIND_NAMES[name].plural === plural);
    return this.server.expect("POST", `${API}${namespace === undefined ? "" : `/namespaces/${namespace}`}/${plural}`, { body: { apiVersion: "flowreset.io/v1alpha1", kind, ...object } });
  }

  async statusOf(plural: string, name: string, namespace?: string): Promise<any> {
    const { status, body } = await this.server.request("GET", `${API}${namespace === undefined ? "" : `/namespaces/${namespace}`}/${plural}/${name}`);
    return status === 404 ? "gone" : (body.status ?? {});
  }

  async close(): Promise<void> {
    for (const running of this.#running.toReversed()) await running.close();
    await this.client.close();
    await this.server.close();
  }
}
