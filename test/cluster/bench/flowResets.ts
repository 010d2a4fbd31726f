/** Analysts at work: FlowResets made at a steady rate, and how long each took to its end. */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, Reflector, RESOURCES } from "../../../kube/mod.ts";
import type { KubeClient, KubeObject } from "../../../kube/mod.ts";
import { until } from "../../lab/mod.ts";
import type { PrivateApiServer } from "../mod.ts";
import type { Deliveries } from "./crowd.ts";
import { namespaceName, podAddress } from "./names.ts";

/** One of so many names an address that is no pod's: all sensors are asked, and nothing is found. */
const UNKNOWN_EVERY = 10;
/** They are gone again before the next measurement. */
const TTL_SECONDS = 60;
const PODS = 10;
/** Far beyond what any of them may take. */
const LAST_MS = 30_000;

interface Finished extends KubeObject {
  readonly status?: { readonly phase?: string; readonly sensors?: { readonly asked: number; readonly answered: number }; readonly summary?: { readonly matched: number; readonly confirmed: number } };
}

export interface FlowResetTimes {
  made: number;
  /** Those that name a pod. */
  completeMs: number[];
  /** Those that name an address of nobody. */
  unknownMs: number[];
  /** Succeeded with another number of connections than there were. */
  wrong: number;
  unfinished: number;
}

export class FlowResetMaker {
  readonly #server: PrivateApiServer;
  readonly #client: KubeClient;
  readonly #deliveries: Deliveries;
  readonly #reflector: Reflector<Finished>;
  readonly #pending = new Map<string, { readonly madeMs: number; readonly isKnown: boolean }>();
  #number = 0;
  #times: FlowResetTimes = noTimes();

  private constructor(server: PrivateApiServer, client: KubeClient, deliveries: Deliveries) {
    this.#server = server;
    this.#client = client;
    this.#deliveries = deliveries;
    this.#reflector = new Reflector<Finished>({ client, resource: RESOURCES.flowResets, onChange: ({ object }) => this.#look(object) });
    this.#reflector.start();
  }

  static async open(server: PrivateApiServer, deliveries: Deliveries): Promise<FlowResetMaker> {
    return new FlowResetMaker(server, await connect({ kubeconfig: server.kubeconfigPath }), deliveries);
  }

  /** Makes them for `seconds`, spread evenly. */
  async run(perMinute: number, seconds: number, nodes: number): Promise<FlowResetTimes> {
    this.#times = noTimes();
    const count = Math.round((perMinute * seconds) / 60);
    const startMs = performance.now();
    for (let index = 0; index < count; index++) {
      await sleep(Math.max(0, startMs + (index * 60_000) / perMinute - performance.now()));
      await this.#make(nodes);
    }
    await sleep(Math.max(0, startMs + seconds * 1_000 - performance.now()));
    return this.#times;
  }

  /** Waits for the last of them to end, for a while. */
  async finish(): Promise<void> {
    await until("the last FlowResets to end", () => this.#pending.size === 0, LAST_MS, 50).catch(() => {});
    this.#times.unfinished = this.#pending.size;
    this.#pending.clear();
  }

  async #make(nodes: number): Promise<void> {
    const index = this.#number++;
    const name = `kill-${nodes}-${index}`;
    const isKnown = index % UNKNOWN_EVERY !== UNKNOWN_EVERY - 1;
    const node = (index * 7_919) % nodes;
    const pod = index % PODS;
    const match = isKnown
      ? { client: { ip: podAddress(node, pod), port: 40_000 + (index % 20_000) }, server: { ip: podAddress((node + 1) % nodes, pod), port: 80 } }
      : { server: { ip: `203.0.113.${1 + (index % 250)}`, port: 443 } };
    const object = {
      apiVersion: "flowreset.io/v1alpha1",
      kind: "FlowReset",
      metadata: { name, namespace: namespaceName(node + pod) },
      spec: { match, reason: `INC-${index}`, ttlSecondsAfterFinished: TTL_SECONDS },
    };
    this.#deliveries.made(name);
    this.#pending.set(name, { madeMs: performance.now(), isKnown });
    this.#times.made++;
    await this.#server.expect("POST", `/apis/flowreset.io/v1alpha1/namespaces/${object.metadata.namespace}/flowresets`, { body: object });
  }

  #look({ metadata, status }: Finished): void {
    const pending = this.#pending.get(metadata.name);
    if (pending === undefined || !["Succeeded", "Failed", "Expired"].includes(status?.phase ?? "")) return;
    this.#pending.delete(metadata.name);
    const tookMs = performance.now() - pending.madeMs;
    (pending.isKnown ? this.#times.completeMs : this.#times.unknownMs).push(tookMs);
    if (status!.summary?.matched !== (pending.isKnown ? 1 : 0)) this.#times.wrong++;
  }

  async close(): Promise<void> {
    await this.#reflector.close();
    await this.#client.close();
  }
}

function noTimes(): FlowResetTimes {
  return { made: 0, completeMs: [], unknownMs: [], wrong: 0, unfinished: 0 };
}
