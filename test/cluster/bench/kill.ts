/**
 * From an analyst's `kubectl apply` of a FlowReset to two dead sockets and the object that says so: real pods on two
 * nodes, the chart installed by Helm, sensors and operator as its pods. TRIES (200) connections each way.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { env } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, Reflector, RESOURCES } from "../../../kube/mod.ts";
import type { KubeObject } from "../../../kube/mod.ts";
import { percentile } from "../../bench/table.ts";
import type { Table } from "../../bench/table.ts";
import { until } from "../../lab/mod.ts";
import { Ends, monotonicMs } from "./ends.ts";
import type { KillGround } from "./killGround.ts";

const PORT = 9_000;
const TRIES = 200;
const DEATH_MS = 10_000;
const COMPLETE_MS = 15_000;
/** A connection is as old as that before it is killed. */
const AGE_MS = 150;
const GOAL = { deadP50: 50, deadP99: 200, completeP99: 1_000 } as const;

/** How a FlowReset comes into the cluster; resolves with when the API server had answered, by monotonicMs. */
type Apply = (object: object) => Promise<number>;

interface Try {
  readonly confirmed: boolean;
  /** What the object says of it where that is not Confirmed. */
  readonly otherwise: string;
  readonly lived: boolean;
  readonly sentToDeadMs: number;
  readonly acceptedToDeadMs: number;
  readonly acceptedToCompleteMs: number;
}

interface Finished extends KubeObject {
  readonly status?: { readonly phase?: string; readonly summary?: { readonly confirmed: number }; readonly message?: string; readonly flows?: readonly { readonly outcome: string; readonly reason?: string; readonly node: string }[] };
}

export async function measureKill(say: (text: string) => void, grounds: readonly KillGround[]): Promise<Table[]> {
  const tries = Number(env["TRIES"] ?? TRIES);
  if (!(tries >= 1 && tries <= 10_000)) throw new Error(`Give TRIES a number from 1 to 10000: current value is ${env["TRIES"]}`);
  const rows: Table["rows"][number][] = [];
  const notes: string[] = [];
  for (const ground of grounds) {
    const apply = { "kubectl apply": (object: object) => byKubectl(ground, object), POST: (object: object) => byPost(ground, object) };
    for (const [way, by] of Object.entries(apply)) {
      say(`kill: ${tries} connections, ${ground.name}, by ${way}`);
      const name = `${ground.name}, ${way}`;
      const measured = await measureWay(ground, by, tries);
      rows.push(row(name, measured));
      notes.push(...others(name, measured));
    }
  }
  return [
    {
      key: "kill",
      title: "From a FlowReset that the API server accepted to both sockets dead, and to Complete in the object",
      columns: ["", "n", "both dead %", "confirmed %", "dead ms p50", "dead ms p99", "sent to dead ms p50", "sent to dead ms p99", "Complete ms p50", "Complete ms p99"],
      rows: [...rows, ["goal", TRIES, 100, 100, GOAL.deadP50, GOAL.deadP99, "-", "-", "-", GOAL.completeP99]],
      notes: [
        "Accepted: when the answer of the API server was there; a sensor may have heard of the object before (negative times). Sent: before the request.",
        "Of kubectl it is the time in its own log (-v=6); its start, which takes most of a second here, is not in it.",
        `Each connection is ${AGE_MS} ms old and has carried a line there and back; it is idle when it is killed. Death is what poll() tells of each socket.`,
        "Complete: when a watch of our own told that the object says so. API server, etcd, kubelets, sensors and operator share this machine.",
        ...notes,
      ],
    },
  ];
}

function row(name: string, tries: readonly Try[]): (string | number)[] {
  const of = (pick: (one: Try) => number, q: number): number => percentile(tries.map(pick).filter(Number.isFinite), q);
  const share = (fits: (one: Try) => boolean): number => (100 * tries.filter(fits).length) / tries.length;
  return [
    name, tries.length, share(({ lived }) => !lived), share(({ confirmed }) => confirmed),
    of(({ acceptedToDeadMs }) => acceptedToDeadMs, 0.5), of(({ acceptedToDeadMs }) => acceptedToDeadMs, 0.99),
    of(({ sentToDeadMs }) => sentToDeadMs, 0.5), of(({ sentToDeadMs }) => sentToDeadMs, 0.99),
    of(({ acceptedToCompleteMs }) => acceptedToCompleteMs, 0.5), of(({ acceptedToCompleteMs }) => acceptedToCompleteMs, 0.99),
  ];
}

async function measureWay(ground: KillGround, apply: Apply, count: number): Promise<Try[]> {
  const client = await connect({ kubeconfig: ground.api.kubeconfigPath });
  const finished = new Map<string, { atMs: number; object: Finished }>();
  const reflector = new Reflector<Finished>({
    client,
    resource: RESOURCES.flowResets,
    namespace: ground.namespace,
    onChange: ({ type, object }) => {
      if (type === "Deleted" || !["Succeeded", "Failed", "Expired"].includes(object.status?.phase ?? "")) return;
      if (!finished.has(object.metadata.name)) finished.set(object.metadata.name, { atMs: monotonicMs(), object });
    },
  });
  reflector.start();
  const ends = await Ends.start({ ...ground, port: PORT });
  try {
    await until("the watch to begin", () => reflector.isSynced);
    const tries: Try[] = [];
    // Ports come again, from one way of applying to the next.
    const run = randomUUID().slice(0, 8);
    for (let index = 0; index < count; index++) {
      const port = await ends.open();
      await sleep(AGE_MS);
      const name = `kill-${run}-${index}`;
      const sentMs = monotonicMs();
      const acceptedMs = await apply(flowReset(ground, name, port));
      const deaths = await ends.bothDead(port, DEATH_MS);
      const complete = await until("the FlowReset to finish", () => finished.get(name), COMPLETE_MS, 2).catch(() => undefined);
      const deadMs = deaths === undefined ? NaN : Math.max(deaths.client.atMs, deaths.server.atMs);
      tries.push({
        lived: deaths === undefined,
        sentToDeadMs: deadMs - sentMs,
        acceptedToDeadMs: deadMs - acceptedMs,
        acceptedToCompleteMs: complete?.object.status?.phase === "Succeeded" ? complete.atMs - acceptedMs : NaN,
        confirmed: complete?.object.status?.summary?.confirmed === 1,
        otherwise: inWords(complete?.object.status),
      });
    }
    return tries;
  } finally {
    await ends.close();
    await reflector.close();
    await client.close();
  }
}

/** "1 Unconfirmed: Silent (node-1)". */
function inWords(status: Finished["status"]): string {
  const flows = (status?.flows ?? []).map(({ outcome, reason = "", node }) => `${outcome}: ${reason} (${node})`).toSorted();
  return flows.length > 0 ? flows.join(", ") : (status?.message ?? "not finished in time");
}

/** How often each was said of those that were not confirmed. */
function others(name: string, tries: readonly Try[]): string[] {
  const counts = new Map<string, number>();
  for (const { confirmed, otherwise } of tries) if (!confirmed) counts.set(otherwise, (counts.get(otherwise) ?? 0) + 1);
  return [...counts].map(([words, count]) => `${name}: ${count} counted otherwise than as one Confirmed: ${words}`);
}

function flowReset({ namespace, clientAddress, serverAddress }: KillGround, name: string, port: number): object {
  return {
    apiVersion: "flowreset.io/v1alpha1",
    kind: "FlowReset",
    metadata: { name, namespace },
    spec: { match: { client: { ip: clientAddress, port }, server: { ip: serverAddress, port: PORT } }, reason: "bench", ttlSecondsAfterFinished: 600 },
  };
}

async function byPost({ api, namespace }: KillGround, object: object): Promise<number> {
  await api.expect("POST", `/apis/flowreset.io/v1alpha1/namespaces/${namespace}/flowresets`, { body: object });
  return monotonicMs();
}

/** The line of kubectl's log that tells of the answer to its POST carries the wall clock to the microsecond. */
async function byKubectl({ api, kubectl }: KillGround, object: object): Promise<number> {
  const child = spawn(kubectl, ["apply", "--validate=false", "-v=6", "--filename=-"], { env: { ...process.env, KUBECONFIG: api.kubeconfigPath }, stdio: ["pipe", "ignore", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  child.stdin.end(JSON.stringify(object));
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  const line = /^I\d{4} (\d\d):(\d\d):(\d\d\.\d{6}).*(?:verb="POST".*status="201|POST \S+ 201)/m.exec(log);
  if (code !== 0 || line === null) throw new Error(`Cannot apply by kubectl, it ended with ${code}: ${log.slice(-1_000)}`);
  const [, hours, minutes, seconds] = line.map(Number) as [number, number, number, number];
  const midnight = new Date();
  midnight.setHours(0, 0, 0, 0);
  const wallMs = midnight.getTime() + ((hours * 60 + minutes) * 60 + seconds) * 1_000;
  // Around midnight the log may be of yesterday.
  const agoMs = (Date.now() - wallMs + 86_400_000) % 86_400_000;
  return monotonicMs() - agoMs;
}
