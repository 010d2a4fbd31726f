/**
 * How the product's load on a cluster grows with the cluster: the real operator against a real API server and etcd,
 * thousands of nodes, and a simulated sensor on each. NODES="500 1500 5000" names the sizes; POLICIES, FLOW_RESETS (a
 * minute), IDLE_SECONDS and BUSY_SECONDS change the rest.
 */
import { env } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { answerSpreadMs } from "../../../operator/stream/mod.ts";
import { until } from "../../lab/mod.ts";
import type { Table } from "../../bench/table.ts";
import { startApiServer } from "../mod.ts";
import { Crowd } from "./crowd.ts";
import { Estate, PODS_A_NODE } from "./estate.ts";
import { FlowResetMaker } from "./flowResets.ts";
import type { FlowResetTimes } from "./flowResets.ts";
import { OperatorProcess } from "./operator.ts";
import { editToReadySeconds } from "./policyEdit.ts";
import { scaleTables } from "./scaleTables.ts";
import { inspectStatuses } from "./statuses.ts";
import type { StatusFindings } from "./statuses.ts";
import { measureOwnRequests, measureWindow } from "./window.ts";
import type { Window } from "./window.ts";

export interface ScaleSettings {
  readonly sizes: readonly number[];
  readonly policies: number;
  readonly flowResetsPerMinute: number;
  readonly idleSeconds: number;
  readonly busySeconds: number;
  /** After a start, until its lists and garbage are over; so long is also measured what the API server asks of itself. */
  readonly restSeconds: number;
}

/** What was measured at one size. */
export interface ScaleResult {
  readonly nodes: number;
  /** From the operator's start until every sensor had reported to it. */
  readonly assembledSeconds: number;
  /** From there until every policy was Ready, written for the first time or not; NaN where it was given up. */
  readonly readySeconds: number;
  readonly idle: Window;
  readonly busy: Window;
  readonly flowResets: FlowResetTimes;
  /** From an edit of one policy until it says that all sensors have loaded it, and the operator's memory meanwhile. */
  readonly editReadySeconds: number;
  readonly edit: Window;
  readonly readyPolicies: number;
  readonly statuses: readonly StatusFindings[];
  readonly nextReportMs: number;
  readonly lostWatches: number;
  readonly heartbeatFailures: number;
}

const ASSEMBLED_MS = 120_000;
/** Then it is measured as it is. */
const READY_MS = 240_000;

export function scaleSettings(): ScaleSettings {
  const number = (name: string, otherwise: number): number => {
    const value = Number(env[name] ?? otherwise);
    if (!(value > 0)) throw new Error(`Give ${name} a number above 0: current value is ${env[name]}`);
    return value;
  };
  const sizes = (env["NODES"] ?? "500 1500 5000").split(/[ ,]+/).map(Number);
  if (sizes.some((size, index) => !(size >= 2) || size > 30_000 || size <= (sizes[index - 1] ?? 0))) throw new Error(`Give NODES as growing numbers from 2 to 30000: current value is ${env["NODES"]}`);
  return { sizes, policies: number("POLICIES", 1_000), flowResetsPerMinute: number("FLOW_RESETS", 100), idleSeconds: number("IDLE_SECONDS", 90), busySeconds: number("BUSY_SECONDS", 60), restSeconds: 15 };
}

export async function measureScale(say: (text: string) => void, settings = scaleSettings()): Promise<Table[]> {
  const { sizes, policies, flowResetsPerMinute } = settings;
  say(`scale: ${sizes.join(", ")} nodes with ${PODS_A_NODE} pods each, ${policies} policies, ${flowResetsPerMinute} FlowResets a minute`);
  await using server = await startApiServer();
  const estate = new Estate(server, say);
  const crowd = new Crowd(server, say);
  try {
    await estate.found(policies);
    const own = await measureOwnRequests(server, () => sleep(settings.restSeconds * 1_000));
    const results: ScaleResult[] = [];
    for (const nodes of sizes) {
      await estate.growTo(nodes);
      await crowd.growTo(nodes);
      results.push(await measureSize({ server, estate, crowd, settings, say }));
    }
    return scaleTables(results, settings, crowd.watchesEach, own);
  } finally {
    await crowd.close();
    await estate.close();
  }
}

interface Scene {
  readonly server: Awaited<ReturnType<typeof startApiServer>>;
  readonly estate: Estate;
  readonly crowd: Crowd;
  readonly settings: ScaleSettings;
  readonly say: (text: string) => void;
}

/** A fresh operator for each size: what an earlier size left in its heap would be counted for a later one. */
async function measureSize({ server, estate, crowd, settings, say }: Scene): Promise<ScaleResult> {
  const { policies, flowResetsPerMinute, idleSeconds, busySeconds } = settings;
  const startMs = performance.now();
  const operator = await OperatorProcess.start(server);
  try {
    await estate.showSensorsRunning();
    crowd.startReporting(await operator.streamAddress(server), answerSpreadMs(crowd.size));
    await until("every sensor to be heard", () => operator.hasEnded || crowd.heard === crowd.size, ASSEMBLED_MS, 100);
    operator.checkAlive();
    const assembledSeconds = (performance.now() - startMs) / 1_000;
    say(`${crowd.size} sensors report after ${assembledSeconds.toFixed(1)} s; until every policy is Ready`);
    const readySeconds = await untilReady(server, operator, policies, startMs);
    await sleep(settings.restSeconds * 1_000);
    const subjects = { server, crowd, operator };
    say(`idle for ${idleSeconds} s`);
    const idle = await measureWindow(subjects, () => sleep(idleSeconds * 1_000));
    operator.checkAlive();
    say(`${flowResetsPerMinute} FlowResets a minute for ${busySeconds} s`);
    const maker = await FlowResetMaker.open(server, crowd.deliveries);
    let flowResets: FlowResetTimes | undefined;
    let busy: Window;
    try {
      busy = await measureWindow(subjects, async () => void (flowResets = await maker.run(flowResetsPerMinute, busySeconds, estate.nodes)));
      await maker.finish();
    } finally {
      await maker.close();
    }
    operator.checkAlive();
    say("one policy is edited");
    let editReadySeconds = NaN;
    const edit = await measureWindow(subjects, async () => void (editReadySeconds = await editToReadySeconds(server)));
    operator.checkAlive();
    const statuses = await inspectStatuses(server);
    const readyPolicies = await countReady(server);
    say(`${readyPolicies} of ${policies} policies are Ready; the operator has ${edit.operatorPeakMb.toFixed(0)} MB`);
    const { figures, watches } = crowd;
    return { nodes: crowd.size, assembledSeconds, readySeconds, idle, busy, flowResets: flowResets!, editReadySeconds, edit, readyPolicies, statuses, nextReportMs: figures.nextReportMs, lostWatches: watches.figures.lost, heartbeatFailures: figures.heartbeatFailures };
  } finally {
    await crowd.stopReporting();
    await operator.close();
  }
}

/** A status goes to every sensor, and the operator paces such writes: the first ones of a thousand policies take their time. */
async function untilReady(server: Scene["server"], operator: OperatorProcess, policies: number, startMs: number): Promise<number> {
  const isReady = async (): Promise<boolean> => operator.hasEnded || (await countReady(server)) === policies;
  const inTime = await until("every policy to be Ready", isReady, READY_MS, 5_000).catch(() => undefined);
  operator.checkAlive();
  return inTime === undefined ? NaN : (performance.now() - startMs) / 1_000;
}

async function countReady(server: Scene["server"]): Promise<number> {
  const { items } = await server.expect("GET", "/apis/flowreset.io/v1alpha1/responsepolicies");
  const isReady = ({ type, status }: { type: string; status: string }): boolean => type === "Ready" && status === "True";
  return items.filter((item: any) => (item.status?.conditions ?? []).some(isReady)).length;
}
