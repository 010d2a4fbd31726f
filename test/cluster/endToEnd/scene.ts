/** A namespace of a test's own with its workloads; a test that fails prints why. */
import { readFileSync } from "node:fs";
import { beforeEach } from "vitest";
import { until } from "../../lab/mod.ts";
import { buildProgram, OUTSIDE, WORKLOAD_IMAGE } from "../mod.ts";
import type { Family } from "../mod.ts";
import { Connection, Server } from "./connection.ts";
import type { Place } from "./connection.ts";
import type { Product } from "./product.ts";

const EVERY_MS = "50";
/** Without, a busy machine lets a pod run for a moment every few seconds only. */
const REQUESTS = { cpu: "50m" };
const READY_TIMEOUT = "--timeout=60s";

export interface Pair {
  readonly victim: Connection;
  /** Of the same pod to the same server: it must live on. */
  readonly neighbour: Connection;
}

export class Scene implements AsyncDisposable {
  readonly product: Product;
  readonly namespace: string;
  readonly #outside: string[] = [];

  private constructor(product: Product, namespace: string) {
    this.product = product;
    this.namespace = namespace;
  }

  static async open(product: Product, prefix: string, labels: Readonly<Record<string, string>> = {}): Promise<Scene> {
    return new Scene(product, await product.api.createNamespace(prefix, labels));
  }

  /** Starts pods and waits until they are ready. */
  async pods(...pods: readonly object[]): Promise<void> {
    await this.product.api.apply(pods);
    const names = pods.map((pod) => `pod/${(pod as { metadata: { name: string } }).metadata.name}`);
    await this.product.api.kubectl(["wait", `--namespace=${this.namespace}`, "--for=condition=Ready", ...names, READY_TIMEOUT]);
  }

  /** A pod: each word list is a container, which runs the workload with it. */
  pod(name: string, node: string, containers: Readonly<Record<string, readonly string[]>>, spec: object = {}): object {
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: this.namespace, labels: { app: name } },
      spec: {
        nodeName: node,
        restartPolicy: "Never",
        terminationGracePeriodSeconds: 1,
        containers: Object.entries(containers).map(([container, args]) => ({ name: container, image: WORKLOAD_IMAGE, args, resources: { requests: REQUESTS } })),
        ...spec,
      },
    };
  }

  async serve(name: string, node: string, port: number): Promise<Server> {
    await this.pods(this.pod(name, node, { serve: ["serve", `${port}`] }));
    return this.server(name, port);
  }

  /** A server that runs already, by its address of that family. */
  async server(name: string, port: number, family: Family = "IPv4"): Promise<Server> {
    const { status } = await this.product.api.expect("GET", `/api/v1/namespaces/${this.namespace}/pods/${name}`);
    const { ip } = status.podIPs.find((own: { ip: string }) => own.ip.includes(":") === (family === "IPv6"));
    return new Server(ip, port, this.place(name, "serve"));
  }

  /** Its cluster address, and its port on every node. @param app the label of the pods behind it */
  async service(app: string, port: number, targetPort: number, family: Family = "IPv4"): Promise<{ address: string; nodePort: number }> {
    const name = `${app}-${family.toLowerCase()}`;
    await this.product.api.apply([{ apiVersion: "v1", kind: "Service", metadata: { name, namespace: this.namespace }, spec: { type: "NodePort", ipFamilies: [family], selector: { app }, ports: [{ port, targetPort }] } }]);
    const { spec } = await this.product.api.expect("GET", `/api/v1/namespaces/${this.namespace}/services/${name}`);
    // A client that calls before every node knows the way is refused, and gives up.
    const ask = [buildProgram("workload"), "get", spec.clusterIP, `${port}`];
    await until(`the service ${name} to answer`, async () => (await Promise.all(this.product.cluster.nodes.map((node) => node.run(ask, { check: false })))).every(({ code }) => code === 0), 30_000, 50);
    return { address: spec.clusterIP, nodePort: spec.ports[0].nodePort };
  }

  /** A client pod with two connections. */
  connecting(name: string, node: string, address: string, port: number, spec: object = {}): object {
    const words = ["connect", address, `${port}`, EVERY_MS];
    return this.pod(name, node, { victim: words, neighbour: words }, spec);
  }

  async pair(name: string): Promise<Pair> {
    const [victim, neighbour] = await Promise.all(["victim", "neighbour"].map((container) => Connection.opened(`the ${container} of ${name}`, this.place(name, container, "neighbour"))));
    return { victim: victim!, neighbour: neighbour! };
  }

  async connect(name: string, node: string, address: string, port: number): Promise<Pair> {
    await this.pods(this.connecting(name, node, address, port));
    return this.pair(name);
  }

  /**
   * A running container. What is learnt of it once is kept: it can be asked while the API server or the kubelet is down.
   * @param living one of the pod's that runs when it is no more, by which its network is reached
   */
  place(pod: string, container: string, living = container): Place {
    const { cluster, api } = this.product;
    const known = once(async () => {
      const [process, object] = await Promise.all([cluster.podProcess(this.namespace, pod, living), api.expect("GET", `/api/v1/namespaces/${this.namespace}/pods/${pod}`)]);
      return { process, log: `${process.node.state.folder}/var/log/pods/${this.namespace}_${pod}_${object.metadata.uid}/${container}/0.log` };
    });
    return {
      // As the kubelet keeps it: each line after a time and the name of a stream.
      said: async () => readFileSync((await known()).log, "utf8").replace(/^\S+ std(?:out|err) [FP] /gm, ""),
      run: async (command) => (await known()).process.run(command),
    };
  }

  /** A workload in the world outside. */
  async outside(name: string, words: readonly string[]): Promise<Place> {
    const { outside } = this.product.cluster;
    const program = `${this.namespace}-${name}`;
    this.#outside.push(program);
    await outside.start(program, [buildProgram("workload"), ...words]);
    return { said: async () => readFileSync(`${outside.state.folder}/var/log/${program}.log`, "utf8"), run: (command) => outside.run(command) };
  }

  async serveOutside(port: number, family: Family = "IPv4"): Promise<Server> {
    const place = await this.outside(`serve-${port}`, ["serve", `${port}`]);
    await until("the server outside to listen", async () => (await place.said()).includes("listening"));
    return new Server(OUTSIDE[family], port, place);
  }

  async connectOutside(address: string, port: number): Promise<Pair> {
    const open = async (which: string) => Connection.opened(`the ${which} outside`, await this.outside(`${which}-${port}`, ["connect", address, `${port}`, EVERY_MS]));
    return { victim: await open("victim"), neighbour: await open("neighbour") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#outside) await this.product.cluster.outside.stop(program);
    await this.product.api.kubectl(["delete", "namespace", this.namespace, "--wait=false"]);
  }
}

function once<T>(find: () => Promise<T>): () => Promise<T> {
  let found: Promise<T> | undefined;
  return () => {
    found ??= find().catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return found;
  };
}

/** A test that fails prints pods, objects, events and logs, so that a person sees why. */
export function tellWhy(product: Product, scenes: () => readonly (Scene | undefined)[]): void {
  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => {
      console.error(await product.story(scenes().flatMap((scene) => (scene === undefined ? [] : [scene.namespace]))));
    });
  });
}
