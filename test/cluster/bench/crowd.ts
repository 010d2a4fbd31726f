/** Thousands of simulated sensors in this process, and what all of them together have seen and done. */
import { performance } from "node:perf_hooks";
import { Pool } from "undici";
import type { PrivateApiServer } from "../mod.ts";
import { inParallel } from "./inParallel.ts";
import { FLEET, INSTALL_NAMESPACE, nodeName, SENSOR_ACCOUNT, sensorPodName } from "./names.ts";
import type { StreamAddress } from "./reportConnection.ts";
import { SensorFigures, SimulatedSensor } from "./simulatedSensor.ts";
import { WatchPool } from "./watchPool.ts";
import type { WatchedEvent } from "./watchPool.ts";

const TOKEN_SECONDS = 7_200;
/** A real sensor has a token for each; one for both costs half the time here, and its checks are the same. */
const AUDIENCES = ["https://kubernetes.default.svc.cluster.local", "flowreset-report-stream"];
const PARALLEL = 24;
const GROUP = "/apis/flowreset.io/v1alpha1";
const UNFINISHED = encodeURIComponent("status.phase!=Succeeded,status.phase!=Failed,status.phase!=Expired");

interface FollowedKind {
  readonly path: string;
  readonly query: string;
  readonly observes: "policies" | "flowResets" | "fleet";
}

/** The watches of a sensor through which anything comes while its node and its pods stay as they are. */
const FOLLOWED: readonly FollowedKind[] = [
  { path: `${GROUP}/flowresets`, query: `&fieldSelector=${UNFINISHED}`, observes: "flowResets" },
  { path: `${GROUP}/clusterflowresets`, query: `&fieldSelector=${UNFINISHED}`, observes: "flowResets" },
  { path: `${GROUP}/responsepolicies`, query: "", observes: "policies" },
  { path: `${GROUP}/sensorfleets`, query: `&fieldSelector=metadata.name%3D${FLEET}`, observes: "fleet" },
];

/** How long after its making a FlowReset came to each sensor. */
export class Deliveries {
  readonly #madeMs = new Map<string, number>();
  afterMs: number[] = [];

  /** Just before it is sent to the API server. */
  made(name: string): void {
    this.#madeMs.set(name, performance.now());
  }

  came({ type, object }: WatchedEvent): void {
    const madeMs = type === "ADDED" ? this.#madeMs.get(object.metadata.name) : undefined;
    if (madeMs !== undefined) this.afterMs.push(performance.now() - madeMs);
  }
}

/** Tells a change of a policy from one of its status: looked at once an event, for all sensors that get it. */
class Generations {
  readonly #known = new Map<string, number>();
  readonly #judged = new WeakMap<WatchedEvent, boolean>();

  isNew(event: WatchedEvent): boolean {
    let isNew = this.#judged.get(event);
    if (isNew === undefined) {
      const { uid, generation = 1 } = event.object.metadata;
      // What was there before the first watch is of generation 1 here.
      isNew = generation > (this.#known.get(uid) ?? 1);
      this.#known.set(uid, generation);
      this.#judged.set(event, isNew);
    }
    return isNew;
  }
}

export class Crowd {
  readonly figures = new SensorFigures();
  readonly deliveries = new Deliveries();
  readonly watches: WatchPool;
  readonly #server: PrivateApiServer;
  readonly #pool: Pool;
  readonly #generations = new Generations();
  readonly #sensors: SimulatedSensor[] = [];
  readonly #say: (text: string) => void;

  constructor(server: PrivateApiServer, say: (text: string) => void) {
    this.#server = server;
    this.#say = say;
    this.watches = new WatchPool(server);
    this.#pool = new Pool(server.url, { connections: PARALLEL, connect: { ca: server.caPem } });
  }

  get size(): number {
    return this.#sensors.length;
  }

  /** How many were answered by the operator that runs now. */
  get heard(): number {
    return this.#sensors.filter(({ isHeard }) => isHeard).length;
  }

  /** Watches that each sensor holds; a real one holds more, through which nothing comes here. */
  get watchesEach(): number {
    return FOLLOWED.length;
  }

  /** Starts sensors on nodes that exist until there are so many: tokens, SensorNodes, watches, heartbeats. */
  async growTo(count: number): Promise<void> {
    const first = this.#sensors.length;
    const startMs = performance.now();
    const seconds = (): string => ((performance.now() - startMs) / 1_000).toFixed(1);
    const versions = await Promise.all(FOLLOWED.map(({ path }) => this.#versionOf(path)));
    const added: SimulatedSensor[] = [];
    await inParallel(count - first, PARALLEL, async (offset) => {
      const sensor = await this.#createSensor(first + offset);
      await this.#createNodeObject(sensor);
      await Promise.all(FOLLOWED.map(async (kind, which) => {
        sensor.observe(kind.observes, versions[which]!);
        await this.#follow(sensor, kind, versions[which]!);
      }));
      sensor.startHeartbeats();
      added.push(sensor);
      if (added.length % 500 === 0) this.#say(`${first + added.length} of ${count} sensors after ${seconds()} s`);
    });
    this.#sensors.push(...added);
    this.#say(`${added.length} sensors more, each with its token, its SensorNode and ${FOLLOWED.length} watches, in ${seconds()} s`);
  }

  async #createSensor(index: number): Promise<SimulatedSensor> {
    const token = await this.#server.createToken(
      { namespace: INSTALL_NAMESPACE, name: SENSOR_ACCOUNT },
      { boundTo: { kind: "Pod", name: sensorPodName(index), uid: "" }, expirationSeconds: TOKEN_SECONDS, audiences: AUDIENCES },
    );
    return new SimulatedSensor(index, nodeName(index), token, {
      figures: this.figures,
      nowMs: () => Date.now(),
      writeStatus: (node, own, status) => this.#send("PATCH", `${GROUP}/sensornodes/${node}/status`, own, { status }),
    });
  }

  async #createNodeObject(sensor: SimulatedSensor): Promise<void> {
    const { node, token } = sensor;
    const { metadata } = await this.#server.expect("GET", `/api/v1/nodes/${node}`);
    const ownerReferences = [{ apiVersion: "v1", kind: "Node", name: node, uid: metadata.uid }];
    const object = { apiVersion: "flowreset.io/v1alpha1", kind: "SensorNode", metadata: { name: node, ownerReferences }, spec: { fleet: FLEET } };
    await this.#send("POST", `${GROUP}/sensornodes`, token, object);
    await this.#send("PATCH", `${GROUP}/sensornodes/${node}/status`, token, { status: sensor.status() });
  }

  async #versionOf(path: string): Promise<string> {
    return (await this.#server.expect("GET", `${path}?limit=1`)).metadata.resourceVersion;
  }

  #follow(sensor: SimulatedSensor, { path, query, observes }: FollowedKind, version: string): Promise<void> {
    const address = `${path}?watch=true&allowWatchBookmarks=true&timeoutSeconds=3600${query}`;
    return this.watches.open(address, version, sensor.token, (event) => {
      if (event.type === "ERROR") return;
      sensor.observe(observes, event.object.metadata.resourceVersion);
      if (event.type === "BOOKMARK" || observes === "fleet") return;
      if (observes === "policies") {
        if (this.#generations.isNew(event)) sensor.onPolicyChange();
        return;
      }
      this.deliveries.came(event);
      sensor.onFlowReset(event);
    });
  }

  startReporting(address: StreamAddress, spreadMs: number): void {
    for (const sensor of this.#sensors) sensor.startReporting(address, spreadMs);
  }

  async stopReporting(): Promise<void> {
    await Promise.all(this.#sensors.map((sensor) => sensor.stopReporting()));
  }

  async #send(method: "POST" | "PATCH", path: string, token: string, object: object): Promise<void> {
    const { statusCode, body } = await this.#pool.request({
      path,
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json", "user-agent": "flowreset-sensor" },
      body: JSON.stringify(object),
    });
    const text = await body.text();
    if (statusCode > 299) throw new Error(`Cannot ${method} ${path}: ${statusCode} ${text.slice(0, 500)}`);
  }

  async close(): Promise<void> {
    this.watches.close();
    await Promise.all(this.#sensors.map((sensor) => sensor.close()));
    await this.#pool.destroy();
  }
}
