/** What every scene of the demo stands on: the lab with its stations, their programs, the sensor, and the download. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Agent, delay, until } from "../mod.ts";
import type { Lab, Network, Station } from "../mod.ts";
import { SensorProcess } from "../sensor.ts";
import type { SensorEvent } from "../sensor.ts";
import { LastingDownload } from "./download.ts";
import { openIdleSessions } from "./idleSession.ts";
import type { IdleSession } from "./idleSession.ts";

const EXAMPLES = join(import.meta.dirname, "../../../examples");
export const POLICY_FILES = ["block-exploit.yaml", "stop-marked-document.yaml", "forbid-host.yaml"] as const;
const NEIGHBOUR_NUMBER = 13;
/** Where the hosts that nobody may call listen. */
export const FORBIDDEN_PORT = 4_443;

export interface Stage {
  readonly net: Network;
  /** A further pod of the node. */
  readonly neighbour: Station;
  readonly sensor: SensorProcess;
  /** Programs that hold sockets in the client and in the server pod. */
  readonly client: Agent;
  readonly server: Agent;
  /** Opened before the sensor was started: it has never seen a packet of them. */
  readonly idle: IdleSession;
  readonly idleTwin: IdleSession;
  readonly download: LastingDownload;
  /** One line of the timeline. */
  say(who: string, text: string): void;
}

/** The text of a file of `examples/`. */
export function example(name: string): string {
  return readFileSync(join(EXAMPLES, name), "utf8");
}

export async function openStage(lab: Lab, say: Stage["say"]): Promise<Stage> {
  const net = await delay(lab);
  const neighbour = await net.addPod("neighbour", NEIGHBOUR_NUMBER);
  const stations = [net.client, net.server, net.outside, neighbour];
  const [client, server, outside, next] = await Promise.all(stations.map(({ namespace }) => Agent.start(namespace)));
  await Promise.all([outside!, next!].map((agent) => agent.listen({ port: FORBIDDEN_PORT, behaviour: "echo" })));
  const web = net.server.namespace.startNode(join(import.meta.dirname, "webServer.ts"));
  await web.waitForOutput(/^up$/m);
  const [idle, idleTwin] = await openIdleSessions(net, (text) => say("lab", text));
  say("client", `opens two ${idle.kind}s to the server pod, and leaves them idle`);
  say("node", "the sensor starts on a copy of examples/: flowreset sensor --policies DIRECTORY");
  const sensor = await SensorProcess.start(net.node, { files: [...POLICY_FILES, "settings.yaml"].map((name) => join(EXAMPLES, name)) });
  await inForce(sensor, POLICY_FILES.length);
  say("sensor", "watches every interface of the node");
  const download = new LastingDownload(web, net.client, net.server);
  say("client", "begins a legitimate download from the server pod, which goes on beside all that follows");
  return { net, neighbour, sensor, client: client!, server: server!, idle, idleTwin, download, say };
}

/** Waits until so many policies are in force where packets are looked at. */
export function inForce(sensor: SensorProcess, policies: number): Promise<unknown> {
  return until(`${policies} policies in force`, async () => {
    const loaded = await sensor.metric("flowreset_policies_loaded");
    const [generation, ofWorkers] = [await sensor.metric("flowreset_policy_generation"), await sensor.metric("flowreset_worker_policy_generation")];
    return loaded === policies && ofWorkers >= generation;
  });
}

/** The events of one policy (or FlowReset) from now on. */
export class Hearing {
  readonly #sensor: SensorProcess;
  readonly #from: number;
  readonly #name: string;

  constructor(sensor: SensorProcess, name: string) {
    this.#sensor = sensor;
    this.#from = sensor.events.length;
    this.#name = `default/${name}`;
  }

  event(type: SensorEvent["event_type"]): Promise<SensorEvent> {
    return this.#sensor.event(`the sensor's ${type} of ${this.#name}`, (event) => event.event_type === type
      && (event.flowreset.policy === this.#name || event.flowreset.flow_reset === this.#name)
      && this.#sensor.events.indexOf(event) >= this.#from);
  }
}

/** @throws what should have been, where it is not. */
export function expectThat(condition: boolean, what: string): void {
  if (!condition) throw new Error(`expected that ${what}`);
}
