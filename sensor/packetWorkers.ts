/** The packet Workers as the main thread holds them: shared memory, messages with a wake, an orderly end. */
import { closeWakeHandle, openWakeHandle, wake } from "./capture/mod.ts";
import type { FlowLine, FlowQuery } from "./control/mod.ts";
import type { CompiledPolicy } from "./decide/mod.ts";
import type { PacketThread } from "./packetThreads.ts";
import { Counters, RecordRing } from "./report/mod.ts";
import { RecordKind } from "./workerMessages.ts";
import type { FromWorker, RunRecord, ToWorker, WorkerStart } from "./workerMessages.ts";

const RING_WAIT_MS = 1_000;
const END_TIMEOUT_MS = 3_000;

export interface PacketWorkersOptions {
  /** Of Workers over the native ring; each is one Worker's. */
  readonly threads: readonly PacketThread[];
  /** Given: instead of them one loop over libpcap, in this thread. */
  readonly startInThisThread?: (start: WorkerStart, answer: (message: FromWorker) => void) => { postMessage(message: ToWorker): void; ended: Promise<void> };
  readonly startOf: (worker: number) => Omit<WorkerStart, "worker" | "counters" | "records" | "wakeHandle">;
  readonly onEvent: (line: Uint8Array) => void;
  readonly onRun: (record: RunRecord) => void;
  readonly onPolicy: (worker: number, generation: number) => void;
  /** A Worker ended that should not have. */
  readonly onFault: (error: Error) => void;
}

/** A Worker, or the loop in this thread that stands for it. */
interface Receiver {
  postMessage(message: ToWorker): void;
}

interface Entry {
  readonly worker: Receiver;
  readonly terminate: () => void;
  readonly counters: Counters;
  readonly records: RecordRing;
  readonly wakeHandle: number;
  readonly ended: Promise<void>;
  /** Its kill path is compiled. */
  readonly warm: Promise<void>;
}

export class PacketWorkers {
  readonly #options: PacketWorkersOptions;
  readonly #entries: Entry[] = [];
  readonly #queries = new Map<number, { lines: FlowLine[]; waiting: number; resolve: (lines: FlowLine[]) => void }>();
  #nextQuery = 1;
  #closing = false;

  constructor(options: PacketWorkersOptions) {
    this.#options = options;
  }

  get counters(): readonly Counters[] {
    return this.#entries.map(({ counters }) => counters);
  }

  get count(): number {
    return this.#entries.length;
  }

  recordUse(): { usedBytes: number; capacityBytes: number; dropped: number } {
    const use = { usedBytes: 0, capacityBytes: 0, dropped: 0 };
    for (const { records } of this.#entries) {
      use.usedBytes += records.usedBytes;
      use.capacityBytes += records.capacityBytes;
      use.dropped += records.dropped;
    }
    return use;
  }

  /** Resolves when every Worker captures, acts and takes messages; rejects with the first fault. */
  async start(): Promise<void> {
    const { threads, startInThisThread } = this.#options;
    if (startInThisThread === undefined) await Promise.all(threads.map((thread, number) => this.#startOne(thread, number)));
    else this.#startHere(startInThisThread);
  }

  /** Resolves when every Worker kills as quickly as it ever will. @param policies of compileWarmUp() */
  async rehearse(policies: readonly CompiledPolicy[]): Promise<void> {
    this.post({ kind: "rehearse", policies });
    await Promise.all(this.#entries.map(({ warm }) => warm));
  }

  post(message: ToWorker): void {
    for (let worker = 0; worker < this.#entries.length; worker++) this.postTo(worker, message);
  }

  postTo(number: number, message: ToWorker): void {
    const { worker, wakeHandle } = this.#entries[number]!;
    worker.postMessage(message);
    wake(wakeHandle);
  }

  /** The tables of all Workers, up to the query's limit. */
  flows(query: FlowQuery): Promise<FlowLine[]> {
    const id = this.#nextQuery++;
    return new Promise((resolve) => {
      this.#queries.set(id, { lines: [], waiting: this.#entries.length, resolve });
      this.post({ kind: "flows", id, query });
    });
  }

  /** Reads what the rings hold now: after this nothing that was told before the call is missing. */
  drain(): void {
    for (const entry of this.#entries) this.#read(entry);
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.post({ kind: "end" });
    for (const entry of this.#entries) {
      const late = setTimeout(entry.terminate, END_TIMEOUT_MS);
      await entry.ended;
      clearTimeout(late);
      entry.records.wake();
      this.#read(entry);
      closeWakeHandle(entry.wakeHandle);
    }
  }

  async #startOne({ worker, ended }: PacketThread, number: number): Promise<void> {
    const { start, ...own } = this.#prepare(number);
    const ready = Promise.withResolvers<void>();
    const warm = Promise.withResolvers<void>();
    warm.promise.catch(() => {});
    const finished = ended.then((fault) => {
      ready.reject(fault);
      warm.reject(fault);
      if (!this.#closing) this.#options.onFault(fault);
    });
    this.#add({ worker, terminate: () => void worker.terminate(), ...own, ended: finished, warm: warm.promise });
    worker.on("message", (message: FromWorker) => {
      if (message.kind === "ready") ready.resolve();
      else if (message.kind === "warm") warm.resolve();
      else this.#onMessage(number, message);
    });
    worker.postMessage(start);
    await ready.promise;
  }

  #startHere(startInThisThread: NonNullable<PacketWorkersOptions["startInThisThread"]>): void {
    const { start, ...own } = this.#prepare(0);
    const warm = Promise.withResolvers<void>();
    warm.promise.catch(() => {});
    const loop = startInThisThread(start, (message) => (message.kind === "warm" ? warm.resolve() : this.#onMessage(0, message)));
    const ended = loop.ended.catch((error: unknown) => {
      warm.reject(error);
      this.#options.onFault(error as Error);
    });
    this.#add({ worker: loop, terminate: () => {}, ...own, ended, warm: warm.promise });
  }

  #prepare(number: number): Pick<Entry, "counters" | "records" | "wakeHandle"> & { start: WorkerStart } {
    const counters = new Counters();
    const records = new RecordRing();
    const wakeHandle = openWakeHandle();
    const start = { ...this.#options.startOf(number), worker: number, counters: counters.buffer, records: records.buffer, wakeHandle };
    return { start, counters, records, wakeHandle };
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    void this.#follow(entry);
  }

  #onMessage(worker: number, message: FromWorker): void {
    if (message.kind === "policy") this.#options.onPolicy(worker, message.generation);
    else if (message.kind === "flows") this.#onFlows(message.id, message.lines, message.isDone);
  }

  async #follow(entry: Entry): Promise<void> {
    while (!this.#closing) {
      await entry.records.waitForRecords(RING_WAIT_MS);
      this.#read(entry);
    }
  }

  #read({ records }: Entry): void {
    records.read((kind, bytes) => {
      if (kind === RecordKind.Event) this.#options.onEvent(bytes);
      else this.#options.onRun(JSON.parse(Buffer.from(bytes).toString()) as RunRecord);
    });
  }

  /** A part of what one Worker lists. */
  #onFlows(id: number, lines: readonly FlowLine[], isDone: boolean): void {
    const query = this.#queries.get(id);
    if (query === undefined) return;
    query.lines.push(...lines);
    if (!isDone || --query.waiting > 0) return;
    this.#queries.delete(id);
    query.resolve(query.lines);
  }
}
