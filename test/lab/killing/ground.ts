/** Where kills are proved: a topology, a sensor in its node, and connections along its paths. */
import { expect } from "vitest";
import { until } from "../mod.ts";
import type { Namespace, Network } from "../mod.ts";
import { AMPLE_BUDGET, enforcing, MARK } from "../policies.ts";
import { SensorProcess } from "../sensor.ts";
import { echoes, FAMILIES, Sessions, socketStates } from "./sessions.ts";
import type { Family, Path, Session } from "./sessions.ts";

export { MARK };
/** Which server says so is reset; and which client says MARK. */
const ANSWER_MARK = "KILL-WHO-ANSWERS-THIS";

const POLICY = enforcing("forbidden", [
  { name: "text", text: MARK, options: "flow:established,to_server;" },
  { name: "answer", text: ANSWER_MARK, options: "flow:established,to_client;" },
]) + AMPLE_BUDGET;

/** What a kill is asked for by. The last is of a connection that was there, and idle, before the sensor. */
export const WAYS = ["a signature", "a signature in the answer", "a FlowReset", "a FlowReset, never seen"] as const;
export type Way = (typeof WAYS)[number];

export interface GroundOptions {
  /** Instead of the marks that every connection dies of. */
  readonly policy?: string;
  /** Of the sensor's command line. */
  readonly arguments?: readonly string[];
  /** What the sensor is started by. */
  readonly under?: readonly string[];
  /** Who tracks the connections; the node unless told. */
  readonly trackers?: readonly Namespace[];
}

export class Ground {
  readonly net: Network;
  readonly sensor: SensorProcess;
  readonly sessions: Sessions;
  readonly #trackers: readonly Namespace[];
  /** By path and family: neighbour and doomed, not a word since before the sensor started. */
  readonly #unseen: ReadonlyMap<string, readonly [Session, Session]>;

  private constructor(net: Network, sensor: SensorProcess, sessions: Sessions, { trackers = [net.node] }: GroundOptions, unseen: ReadonlyMap<string, readonly [Session, Session]>) {
    this.net = net;
    this.sensor = sensor;
    this.sessions = sessions;
    this.#trackers = trackers;
    this.#unseen = unseen;
  }

  static async open(net: Network, paths: Readonly<Record<string, Path>>, options: GroundOptions = {}): Promise<Ground> {
    const { policy = POLICY, arguments: words = [], under = [] } = options;
    const sessions = new Sessions();
    const unseen = new Map<string, readonly [Session, Session]>();
    for (const [name, path] of Object.entries(paths)) {
      for (const family of FAMILIES) unseen.set(`${name} ${family}`, [await sessions.open(path, family), await sessions.open(path, family)]);
    }
    const sensor = await SensorProcess.start(net.node, { policies: { "policy.yaml": policy }, arguments: words, under });
    return new Ground(net, sensor, sessions, options, unseen);
  }

  close(): Promise<void> {
    return this.net.lab.close();
  }

  /** Kills one of two connections between the same programs: it dies at both ends, proved, and the other lives. */
  async kills(name: string, path: Path, family: Family, way: Way, mark = way === "a signature" ? MARK : ANSWER_MARK): Promise<void> {
    const [neighbour, doomed] = way === "a FlowReset, never seen" ? this.#unseen.get(`${name} ${family}`)!
      : [await this.sessions.open(path, family), await this.sessions.open(path, family)];
    const { client, server } = doomed;
    if (path.tracked !== false) expect(await this.established([neighbour, doomed])).toBeGreaterThanOrEqual(2);
    if (way.startsWith("a signature")) client.write(mark);
    else this.sensor.write(`reset-${client.localPort}.yaml`, flowReset(doomed));
    const { flowreset } = await this.sensor.outcome(client.localPort);
    expect(flowreset).toMatchObject({ outcome: "Confirmed", reason: "CutAfterEstablished" });
    expect([(await client.closed).error, (await server.closed).error]).toEqual(["ECONNRESET", expect.stringMatching(/^(ECONNRESET|EPIPE)$/)]);
    expect(await socketStates(doomed)).toEqual(["gone", "gone"]);
    await this.forgets([doomed]);
    await echoes(neighbour.client);
    expect(await socketStates(neighbour)).toEqual(["ESTAB", "ESTAB"]);
    expect(this.sensor.events.filter(({ flow }) => flow.src_port === neighbour.client.localPort)).toEqual([]);
    const told = this.sensor.events.filter(({ event_type, flow }) => event_type !== "reset" && flow.src_port === client.localPort);
    expect(told.map(({ event_type }) => event_type)).toEqual(way.startsWith("a signature") ? ["alert", "outcome"] : ["outcome"]);
    neighbour.client.destroy();
  }

  /** How many entries of these connections somebody takes for established. */
  async established(sessions: readonly Session[]): Promise<number> {
    const ports = new Set(sessions.map(({ client }) => String(client.localPort)));
    const tables = await Promise.all(this.#trackers.map((tracker) => tracker.conntrack("ESTABLISHED")));
    return tables.flatMap((lines) => lines!).filter((line) => ports.has(/\bsport=(\d+)/.exec(line)![1]!)).length;
  }

  forgets(dead: readonly Session[]): Promise<unknown> {
    return until(`no entry of ${dead.length} dead connections to be ESTABLISHED`, async () => (await this.established(dead)) === 0);
  }
}

function flowReset({ client, host, port }: Session): string {
  return `apiVersion: flowreset.io/v1alpha1
kind: FlowReset
metadata: {name: reset-${client.localPort}}
spec:
  match: {client: {ip: "${client.localAddress}", port: ${client.localPort}}, server: {ip: "${host}", port: ${port}}}
  reason: test
`;
}
