/**
 * Makes the kill path quick before the first packet comes: V8 compiles what has run often. Conversations of our own
 * making go through a pipeline of their own whose outbox nobody sends, so that the first attack after the start is
 * met by the same machine code as the thousandth. The main thread compiles the policy for it (warmUpObjects).
 */
import { buildSegment, ChecksumState, Frame, PacketDirection, SegmentSpec, TcpFlag } from "./decode/mod.ts";
import { Pipeline } from "./pipeline.ts";
import type { PipelineOptions } from "./pipeline.ts";

const MARK = "flowreset warm-up mark";
/** Spends about a tenth of a second; rounds beyond change nothing measurable. */
export const CONVERSATIONS = 200;
const SEGMENTS = 12;
/** One in so many segments is a super-packet, so that the scan meets long stretches too. */
const LONG_EVERY = 4;
const ORDINARY_BYTES = 1_448;
const LONG_BYTES = 60_000;
const MAPPED_PREFIX = 0xffff;
/** 192.0.2.0 and 198.51.100.1 (RFC 5737): nobody's. */
const CLIENT = 0xc0000200 | 0;
const SERVER = 0xc6336401 | 0;

/** A policy that fires on the mark, in the form of `crds`; compiled by the main thread, which has its schema loaded. */
export function warmUpText(): string {
  const rule = `alert tcp any any -> any any (msg:"warm-up"; content:"${MARK}"; sid:1;)`;
  return JSON.stringify({
    apiVersion: "flowreset.io/v1alpha1",
    kind: "ClusterResponsePolicy",
    metadata: { name: "warm-up" },
    spec: { mode: "Enforce", limits: { connectionsPerMinutePerNode: 100_000 }, rules: [{ name: "mark", signature: { rules: [rule] } }] },
  });
}

/** Runs the conversations, of which nobody hears; returns how many were killed. */
export function warmUp(options: Pick<PipelineOptions, "compiled" | "homes" | "decode">): number {
  const pipeline = new Pipeline({
    ...options,
    stop: new Int32Array(new SharedArrayBuffer(4)),
    tableCapacity: 1_024,
    seed: 1,
    markKey: [1, 2],
    recorder: { onDecision() {}, onOutcome() {} },
    flowLimits: { reassemblyBytes: 1 << 20, segments: 1_024 },
    injectLimits: { kills: 1_024, holds: 64 },
    labelOf: () => 0,
  });
  new Conversations(pipeline).run();
  return pipeline.injector.counters.started;
}

class Conversations {
  readonly #pipeline: Pipeline;
  readonly #frame = new Frame();
  readonly #spec = new SegmentSpec();
  readonly #bytes = new Uint8Array(65_536);
  readonly #ordinary = filler(ORDINARY_BYTES, "");
  readonly #long = filler(LONG_BYTES, "");
  readonly #marked = filler(ORDINARY_BYTES, MARK);
  #nowMs = 1_000;

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline;
    this.#frame.bytes = this.#bytes;
    this.#frame.checksum = ChecksumState.NotReady;
    this.#spec.source2 = this.#spec.destination2 = MAPPED_PREFIX;
  }

  run(): void {
    const { Syn, Ack, Psh, Rst } = TcpFlag;
    for (let number = 0; number < CONVERSATIONS; number++) {
      const port = 1_024 + number;
      let next = 1_001;
      this.#send(true, port, 1_000, 0, Syn, EMPTY);
      this.#send(false, port, 5_000, 1_001, Syn | Ack, EMPTY);
      this.#send(true, port, next, 5_001, Ack, EMPTY);
      for (let segment = 0; segment <= SEGMENTS; segment++) {
        const payload = segment === SEGMENTS ? this.#marked : segment % LONG_EVERY === 0 ? this.#long : this.#ordinary;
        this.#send(true, port, next, 5_001, Ack | Psh, payload);
        next += payload.length;
        this.#send(false, port, 5_001, next, Ack, EMPTY);
      }
      this.#send(false, port, 5_001, 0, Rst, EMPTY);
      this.#nowMs += 20;
      this.#pipeline.tick(this.#nowMs);
      this.#pipeline.outbox.clear();
    }
  }

  #send(fromClient: boolean, port: number, sequence: number, acknowledgement: number, flags: number, payload: Uint8Array): void {
    const spec = this.#spec;
    const frame = this.#frame;
    // Many clients: one source may not spend the budget of all.
    const client = CLIENT + (port & 0xff);
    spec.source3 = fromClient ? client : SERVER;
    spec.destination3 = fromClient ? SERVER : client;
    spec.sourcePort = fromClient ? port : 443;
    spec.destinationPort = fromClient ? 443 : port;
    spec.sequence = sequence | 0;
    spec.acknowledgement = acknowledgement | 0;
    spec.flags = flags;
    spec.window = 65_535;
    spec.payload = payload;
    frame.capturedLength = frame.wireLength = buildSegment(this.#bytes, 0, spec);
    frame.interfaceIndex = 1;
    frame.direction = fromClient ? PacketDirection.Host : PacketDirection.Outgoing;
    frame.timestampMs = this.#nowMs += 0.05;
    if (this.#pipeline.step(frame) > 0 || this.#pipeline.hasUndisclosed) {
      this.#pipeline.settle(this.#nowMs);
      this.#pipeline.outbox.clear();
    }
  }
}

const EMPTY = new Uint8Array(0);

/** Text-like bytes with the mark at the end. */
function filler(length: number, mark: string): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = 0x20 + ((i * 31) % 95);
  bytes.set(new TextEncoder().encode(mark), length - mark.length);
  return bytes;
}
