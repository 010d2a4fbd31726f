/**
 * A capture in memory, the same for the same seed: keep-alive HTTP, bulk both ways, request and answer of a line
 * protocol, and scans, interleaved in short trains as a wire shows them. Nothing in it matches an example's policy.
 */
import { buildSegment, Frame, SegmentSpec, TcpFlag } from "../../sensor/decode/mod.ts";
import { Random } from "../fuzz/random.ts";
import { prose } from "./prose.ts";

const { Ack, Fin, Psh, Rst, Syn } = TcpFlag;
const HEADERS_BYTES = 66;
const SEGMENT_BYTES = 1_448;
const MAPPED_PREFIX = 0xffff;
/** 10.1.0.0 and 10.2.0.1, first and only of their kind. */
const FIRST_CLIENT = 0x0a010000;
const SERVER = 0x0a020001;
const CONVERSATIONS_AT_ONCE = 300;
const LONGEST_TRAIN = 8;
const PROSE_BYTES = 1 << 20;

/** fromClient, flags, payload bytes. */
type Step = readonly [boolean, number, number];

export class Mixture {
  readonly bytes: Uint8Array;
  readonly offset: Int32Array;
  readonly length: Int32Array;
  readonly timestampMs: Float64Array;
  /** Packets, and their bytes. */
  readonly count: number;
  byteCount = 0;
  readonly #spec = new SegmentSpec();
  readonly #random: Random;
  readonly #prose: Uint8Array;

  constructor(seed: number, count: number) {
    this.count = count;
    this.bytes = new Uint8Array(count * (HEADERS_BYTES + SEGMENT_BYTES));
    this.offset = new Int32Array(count);
    this.length = new Int32Array(count);
    this.timestampMs = new Float64Array(count);
    this.#random = new Random(seed);
    this.#prose = prose(this.#random, PROSE_BYTES);
    this.#spec.source2 = this.#spec.destination2 = MAPPED_PREFIX;
    // NOP, NOP, timestamps: what nearly every segment of Linux carries.
    this.#spec.options = Uint8Array.of(1, 1, 8, 10, 0, 0, 1, 1, 0, 0, 1, 0);
    this.#fill();
  }

  /** Points the frame at packet `i`. */
  frame(frame: Frame, i: number): void {
    frame.bytes = this.bytes;
    frame.offset = this.offset[i]!;
    frame.capturedLength = frame.wireLength = this.length[i]!;
    frame.timestampMs = this.timestampMs[i]!;
  }

  #fill(): void {
    const random = this.#random;
    const active: Conversation[] = [];
    let made = 0;
    for (let i = 0; i < this.count; ) {
      while (active.length < CONVERSATIONS_AT_ONCE) active.push(new Conversation(made++, random));
      const at = random.below(active.length);
      const conversation = active[at]!;
      for (let train = 1 + random.below(LONGEST_TRAIN); train > 0 && i < this.count; train--) {
        const step = conversation.steps.next();
        if (step.done) {
          active[at] = new Conversation(made++, random);
          break;
        }
        this.#write(i++, conversation, step.value);
      }
    }
  }

  #write(i: number, conversation: Conversation, [fromClient, flags, payload]: Step): void {
    const spec = this.#spec;
    const client = FIRST_CLIENT + (conversation.number % 5_000);
    spec.source3 = fromClient ? client : SERVER;
    spec.destination3 = fromClient ? SERVER : client;
    spec.sourcePort = fromClient ? conversation.clientPort : conversation.serverPort;
    spec.destinationPort = fromClient ? conversation.serverPort : conversation.clientPort;
    const side = fromClient ? 0 : 1;
    spec.sequence = conversation.sent[side]!;
    spec.acknowledgement = (flags & Ack) !== 0 ? conversation.sent[side ^ 1]! : 0;
    spec.flags = flags;
    spec.window = 65_000;
    spec.ipId = i & 0xffff;
    const from = this.#random.below(PROSE_BYTES - payload);
    spec.payload = this.#prose.subarray(from, from + payload);
    conversation.sent[side] = (conversation.sent[side]! + payload + ((flags & (Syn | Fin)) === 0 ? 0 : 1)) | 0;
    this.offset[i] = this.byteCount;
    this.length[i] = buildSegment(this.bytes, this.byteCount, spec);
    this.byteCount += this.length[i]!;
    this.timestampMs[i] = 1_700_000_000_000 + i * 0.01;
  }
}

class Conversation {
  readonly number: number;
  readonly clientPort: number;
  readonly serverPort: number;
  readonly sent: Int32Array;
  readonly steps: Iterator<Step>;

  constructor(number: number, random: Random) {
    this.number = number;
    this.clientPort = 20_000 + (number % 40_000);
    this.sent = Int32Array.of(random.next(), random.next());
    const kind = random.below(10);
    this.serverPort = kind < 4 ? 8_080 : kind < 6 ? 443 : kind < 7 ? 5_432 : 1 + random.below(65_535);
    this.steps = kind < 4 ? http(random) : kind < 6 ? bulk(random, random.oneIn(2)) : kind < 7 ? lines(random) : scan(random);
  }
}

function* opened(): Generator<Step> {
  yield [true, Syn, 0];
  yield [false, Syn | Ack, 0];
  yield [true, Ack, 0];
}

function* closed(): Generator<Step> {
  yield [true, Fin | Ack, 0];
  yield [false, Fin | Ack, 0];
  yield [true, Ack, 0];
}

function* http(random: Random): Generator<Step> {
  yield* opened();
  for (let requests = 1 + random.below(12); requests > 0; requests--) {
    yield [true, Psh | Ack, 200 + random.below(500)];
    for (let segments = 1 + random.below(10); segments > 0; segments--) {
      yield [false, Psh | Ack, segments === 1 ? 1 + random.below(SEGMENT_BYTES) : SEGMENT_BYTES];
      if (segments % 2 === 1) yield [true, Ack, 0];
    }
  }
  yield* closed();
}

function* bulk(random: Random, upload: boolean): Generator<Step> {
  yield* opened();
  for (let segments = 100 + random.below(900); segments > 0; segments--) {
    yield [upload, Ack, SEGMENT_BYTES];
    if (segments % 2 === 1) yield [!upload, Ack, 0];
  }
  yield* closed();
}

function* lines(random: Random): Generator<Step> {
  yield* opened();
  for (let count = 10 + random.below(90); count > 0; count--) {
    yield [true, Psh | Ack, 20 + random.below(80)];
    yield [false, Psh | Ack, 20 + random.below(300)];
  }
  yield* closed();
}

function* scan(random: Random): Generator<Step> {
  yield [true, Syn, 0];
  if (random.oneIn(2)) yield [false, Rst | Ack, 0];
}
