/**
 * What happens around the pipeline in the thread that captures: sending, messages from the main thread, records to it,
 * counters. Who waits for packets, and how, is the caller's (worker.ts for the ring, libpcapLoop.ts for libpcap).
 */
import type { CaptureFilter, PacketSink, PacketSource } from "./capture/mod.ts";
import { Claims } from "./decide/mod.ts";
import { LIVE_DATAGRAM_BYTES } from "./decode/mod.ts";
import type { Frame } from "./decode/mod.ts";
import { FlowListing } from "./flowListing.ts";
import { Pipeline } from "./pipeline.ts";
import { EventRecorder } from "./recorder.ts";
import type { PolicyLabels } from "./recorder.ts";
import { Counter, Counters, RecordRing } from "./report/mod.ts";
import { ResetRuns } from "./resetRuns.ts";
import { Telemetry } from "./telemetry.ts";
import { HomesReader } from "./topology/mod.ts";
import { RecordKind } from "./workerMessages.ts";
import type { FromWorker, RunRecord, ToWorker, WorkerStart } from "./workerMessages.ts";

const LIVE_DECODING = { superPacketBytes: LIVE_DATAGRAM_BYTES };
const PUBLISH_PAUSE_MS = 100;
/** With nothing to do the loop turns so often, to publish its heartbeat and let silent flows go. */
const IDLE_WAIT_MS = 500;

export interface PacketLoopOptions {
  readonly start: WorkerStart;
  readonly source: PacketSource;
  readonly sink: PacketSink;
  /** The packets' clock, now. */
  readonly clock: () => number;
  readonly answer: (message: FromWorker) => void;
  readonly setFilter: (filter: CaptureFilter) => void;
}

export class PacketLoop {
  readonly pipeline: Pipeline;
  isOpen = true;
  readonly #options: PacketLoopOptions;
  readonly #stop: Int32Array;
  readonly #counters: Counters;
  readonly #records: RecordRing;
  readonly #recorder: EventRecorder;
  readonly #runs: ResetRuns;
  readonly #telemetry: Telemetry;
  readonly #encoder = new TextEncoder();
  #interfaceNames: ReadonlyMap<number, string>;
  #labels: PolicyLabels;
  #publishedMs = 0;
  readonly #listings: FlowListing[] = [];

  constructor(options: PacketLoopOptions) {
    const { start } = options;
    this.#options = options;
    this.#stop = new Int32Array(start.stop);
    this.#counters = new Counters(start.counters);
    this.#records = new RecordRing(start.records);
    this.#interfaceNames = new Map(start.interfaceNames);
    this.#labels = labelsOf(start);
    this.#recorder = new EventRecorder(start.compiled, this.#labels, {
      counters: this.#counters,
      emit: (line) => this.#tell(RecordKind.Event, line),
      nameOf: (index) => this.#nameOf(index),
      onReset: (settled) => this.#runs.onOutcome(settled),
    });
    const homes = start.homes === undefined ? {} : { homes: new HomesReader(start.homes) };
    this.pipeline = new Pipeline({
      compiled: start.compiled,
      stop: this.#stop,
      tableCapacity: start.tableCapacity,
      seed: start.seed,
      markKey: start.markKey,
      recorder: this.#recorder,
      decode: { ...LIVE_DECODING, seed: start.seed },
      ...homes,
      ...(start.claims === undefined ? {} : { claims: new Claims(start.claims, start.worker) }),
      budgets: start.budgets,
      route: start.route,
      flowLimits: start.flowTimeouts,
      labelOf: (policy) => this.#labels.ofPolicy[policy] ?? 0,
    });
    this.#recorder.table = this.pipeline.table;
    this.#runs = new ResetRuns({
      pipeline: this.pipeline,
      recorder: this.#recorder,
      stop: this.#stop,
      tell: (run, line) => this.#tell(RecordKind.Run, JSON.stringify({ worker: start.worker, run, line } satisfies RunRecord)),
    });
    this.#telemetry = new Telemetry(this.#counters, this.pipeline, this.#records);
    this.#counters.set(Counter.PolicyGeneration, start.generation);
  }

  /** For `PacketSource.poll`: one packet through the pipeline, and what it caused on the wire. */
  readonly visit = (frame: Frame): void => {
    const { injector } = this.pipeline;
    // A chase must know how late it is: packets of a backlog tell numbers, the RST leaves with the freshest.
    if (injector.active > 0) injector.wake(this.#options.clock());
    if (this.pipeline.step(frame) > 0) this.#send();
    else if (this.pipeline.hasUndisclosed) this.pipeline.settle(this.#options.clock());
  };

  /** A connection is being killed: the next packet may say where its ends stand. */
  get isChasing(): boolean {
    return this.pipeline.injector.active > 0;
  }

  /** What is due between two batches; returns how long the source may wait, in milliseconds. */
  turn(): number {
    const { source, clock } = this.#options;
    const nowMs = clock();
    const nextMs = this.pipeline.tick(nowMs);
    if (this.pipeline.outbox.count > 0) this.#send();
    else if (this.pipeline.hasUndisclosed) this.pipeline.settle(clock());
    if (nowMs - this.#publishedMs >= PUBLISH_PAUSE_MS) {
      this.#publishedMs = nowMs;
      this.#telemetry.publish(source.statistics(), nowMs);
    }
    if (this.#listings.length > 0 && this.#list(nowMs)) return 0;
    return Math.max(0, Math.min(nextMs - clock(), IDLE_WAIT_MS));
  }

  obey(message: ToWorker): void {
    const { answer, clock, setFilter } = this.#options;
    switch (message.kind) {
      case "policy":
        this.#labels = labelsOf(message);
        this.pipeline.swap(message.compiled);
        this.pipeline.tracker.setTimeouts(message.flowTimeouts);
        this.#recorder.swap(message.compiled, this.#labels);
        this.#counters.set(Counter.PolicyGeneration, message.generation);
        answer({ kind: "policy", generation: message.generation });
        break;
      case "interfaces":
        this.#interfaceNames = new Map(message.names);
        setFilter(message.filter);
        if (message.route === undefined) break;
        this.#options.sink.rebind?.();
        this.pipeline.injector.setRoute(message.route);
        break;
      case "reset":
        this.#runs.match(message.run, message.name, message.compiled);
        break;
      case "resetGo":
        this.#runs.start(message.run, message.spared, message.unseen, clock());
        break;
      case "resetRelease":
        this.#runs.release(message.run);
        break;
      case "flows":
        this.#listings.push(new FlowListing(message.id, message.query, {
          table: this.pipeline.table,
          nameOf: (index) => this.#nameOf(index),
          findingsOf: (slot, generation) => this.#recorder.findingsOf(slot, generation),
        }));
        break;
      case "stopped":
        this.#obeyStop();
        break;
      case "end":
        this.isOpen = false;
        break;
    }
  }

  close(): void {
    const { source, sink, clock } = this.#options;
    this.#telemetry.publish(source.statistics(), clock());
    source.close();
    sink.close();
  }

  /** All that waits leaves now; what the kernel refuses tries its other way once. */
  #send(): void {
    const { sink, clock } = this.#options;
    const { pipeline } = this;
    if (Atomics.load(this.#stop, 0) !== 0) this.#obeyStop();
    sink.send(pipeline.outbox);
    if (pipeline.settle(clock()) > 0) {
      sink.send(pipeline.outbox);
      pipeline.settle(clock());
    }
  }

  #obeyStop(): void {
    const stopped = Atomics.load(this.#stop, 0) !== 0;
    const { injector } = this.pipeline;
    if (stopped && injector.enabled) injector.stop(this.#options.clock());
    else if (!stopped && !injector.enabled) injector.resume();
    this.#counters.set(Counter.Stopped, stopped ? 1 : 0);
  }

  /** True where more is to be listed in the next turn. */
  #list(nowMs: number): boolean {
    const listing = this.#listings[0]!;
    const lines = listing.turn(nowMs);
    const { id, isDone } = listing;
    if (isDone) this.#listings.shift();
    if (isDone || lines.length > 0) this.#options.answer({ kind: "flows", id, lines, isDone });
    return this.#listings.length > 0;
  }

  #nameOf(interfaceIndex: number): string {
    return interfaceIndex === 0 ? "" : (this.#interfaceNames.get(interfaceIndex) ?? `if${interfaceIndex}`);
  }

  #tell(kind: number, text: string): void {
    this.#records.tryWrite(kind, this.#encoder.encode(text));
  }
}

function labelsOf({ labels, labelNames }: Pick<WorkerStart, "labels" | "labelNames">): PolicyLabels {
  return { ofPolicy: labels, names: new Map(labelNames) };
}
