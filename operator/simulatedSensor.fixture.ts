/** A sensor without packets: follows FlowResets as a real one does, and reports over real HTTPS with a real token. */
import { randomUUID } from "node:crypto";
import { Agent } from "undici";
import { expect, vi } from "vitest";
import type { Reply, Report, ResetReport } from "../crds/stream/mod.ts";
import { Reflector, RESOURCES, type KubeClient, type KubeObject } from "../kube/mod.ts";

export interface StreamPlace {
  readonly url: string;
  readonly serverName: string;
  readonly ca: string;
}

export interface SimulatedSensorOptions {
  readonly node: string;
  readonly client: KubeClient;
  readonly token: string;
  place(): Promise<StreamPlace>;
  /** What it found for a FlowReset that it sees for the first time. */
  act?(object: KubeObject): Partial<ResetReport> | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

const UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Expired";

export class SimulatedSensor {
  readonly options: SimulatedSensorOptions;
  session = randomUUID();
  sequence = 0;
  reply: Reply | undefined;
  /** Kept until acknowledged. */
  readonly unacknowledged = new Map<string, { readonly sequence: number; readonly reset: ResetReport }>();
  more: Partial<Report> = {};
  observedPolicies = "0";
  readonly #reflectors: Reflector[];
  readonly #seen = new Set<string>();
  #agent: Agent | undefined;
  #place: StreamPlace | undefined;
  #timer: NodeJS.Timeout | undefined;
  #posting: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: SimulatedSensorOptions) {
    this.options = options;
    this.#reflectors = [RESOURCES.flowResets, RESOURCES.clusterFlowResets].map(
      (resource) => new Reflector({ client: options.client, resource, fieldSelector: UNFINISHED, onChange: ({ type, object }) => type === "Added" && this.#see(object), onSynced: () => this.poke() }),
    );
  }

  /** Resolves when the operator knows it. */
  async start(): Promise<this> {
    for (const reflector of this.#reflectors) reflector.start();
    await vi.waitFor(() => expect(this.reply).toBeDefined(), { timeout: 60_000 });
    return this;
  }

  /** One report as soon as the last one is answered. */
  poke(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#posting = this.#posting.then(async () => {
      if (this.#isClosed) return;
      const dueMs = await this.post().then(
        () => this.reply?.nextReportMs ?? 200,
        () => 200,
      );
      clearTimeout(this.#timer);
      if (!this.#isClosed) this.#timer = setTimeout(() => this.poke(), dueMs);
    });
  }

  report(more: Partial<Report> = {}): Report {
    const flowResets = this.#reflectors.map((reflector) => Number(reflector.resourceVersion || 0));
    return {
      node: this.options.node,
      fleet: "default",
      session: this.session,
      sequence: ++this.sequence,
      version: "0.1.0",
      observed: { policies: this.observedPolicies, flowResets: String(Math.max(...flowResets)), fleet: "1" },
      counters: [],
      resets: [...this.unacknowledged.values()].map(({ reset }) => reset),
      incidents: [],
      health: { enforcement: "Enabled", captureLossPackets: 0, coverage: { interfaces: 1, halfBlind: 0, pods: 1, podsUnseen: 0 }, apiServer: "Connected" },
      ...this.more,
      ...more,
    };
  }

  async post(more: Partial<Report> = {}): Promise<Answer> {
    const report = this.report(more);
    const answer = await this.send(JSON.stringify(report));
    if (answer.status === 200) {
      this.reply = JSON.parse(answer.body) as Reply;
      for (const [uid, { sequence }] of this.unacknowledged) if (sequence <= this.reply.acknowledged) this.unacknowledged.delete(uid);
    }
    return answer;
  }

  /** Any body at all, also to a leader to which it is sent on. */
  async send(body: string | Buffer, headers: Record<string, string> = {}, token = this.options.token): Promise<Answer> {
    try {
      this.#place ??= await this.options.place();
      let origin = this.#place.url;
      for (let hops = 0; hops < 3; hops++) {
        const answer = await this.#send(origin, body, headers, token);
        if (answer.status !== 307) return answer;
        origin = new URL(String(answer.headers["location"])).origin;
      }
      throw new Error("Cannot find the leader: sent on three times");
    } catch (error) {
      await this.#forgetPlace();
      throw error;
    }
  }

  async #send(origin: string, body: string | Buffer, headers: Record<string, string>, token: string): Promise<Answer> {
    const { ca, serverName } = this.#place!;
    this.#agent ??= new Agent({ connect: { ca, servername: serverName }, connections: 1, headersTimeout: 5_000 });
    const { statusCode, headers: answered, body: text } = await this.#agent.request({
      origin,
      path: "/v1/reports",
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}`, ...headers },
      body,
    });
    return { status: statusCode, body: await text.text(), headers: answered };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#reflectors.map((reflector) => reflector.close()));
    await this.#posting;
    await this.#forgetPlace();
  }

  async #forgetPlace(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    this.#place = undefined;
    await agent?.destroy();
  }

  #see(object: KubeObject): void {
    const { uid, namespace = "", name } = object.metadata;
    if (this.#seen.has(uid!)) return;
    this.#seen.add(uid!);
    const found = this.options.act?.(object);
    if (found !== undefined) {
      const now = new Date().toISOString();
      const kind = object.kind as ResetReport["kind"];
      const reset: ResetReport = { kind, namespace, name, uid: uid!, phase: "Done", matched: found.flows?.length ?? 0, flows: [], startedAt: now, finishedAt: now, ...found };
      this.unacknowledged.set(uid!, { sequence: this.sequence + 1, reset });
    }
    this.poke();
  }
}
