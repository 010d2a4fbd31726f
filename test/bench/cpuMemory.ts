/**
 * What a packet costs without a kernel: a capture in memory through decode, through decode and flow, and through the
 * whole pipeline. A program of its own, one run a stage, so that V8 meets nothing but that; it prints a MemoryCost as
 * JSON.
 *
 * cpuMemory.ts decode | flow | pipeline
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ChecksumState, decode, DecodeContext, Frame, Packet } from "../../sensor/decode/mod.ts";
import { FlowTable, FlowTracker } from "../../sensor/flow/mod.ts";
import { Pipeline } from "../../sensor/pipeline.ts";
import { checkSignatures, PolicyKeeper } from "../../sensor/policyKeeper.ts";
import { loadPolicyDirectory } from "../../sensor/policy/mod.ts";
import { EXAMPLES } from "./examples.ts";
import { Mixture } from "./mixture.ts";
import { LONG_ENOUGH_NS, threadTimeNs } from "./threadTime.ts";

export interface MemoryCost {
  readonly stage: string;
  /** One a run. */
  readonly nsPerPacket: readonly number[];
  readonly allocatedBytesPerPacket: number;
  readonly bytesPerPacket: number;
  readonly packets: number;
  readonly flows: number;
}

const SEED = 9;
const PACKETS = 200_000;
const RUNS = 11;
/** Until V8 has compiled everything for good. */
const WARM_UP_RUNS = 3;
const CAPACITY = 65_536;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const mixture = new Mixture(SEED, PACKETS);

/** One pass over all packets; whatever it needs was made before. */
interface Stage {
  readonly name: string;
  readonly prepare: () => { run: () => void; flows: () => number };
}

const frame = new Frame();
frame.interfaceIndex = 1;
// As a card with checksum offload says it.
frame.checksum = ChecksumState.Valid;

const decodeOnly: Stage = {
  name: "decode",
  prepare: () => {
    const packet = new Packet();
    const context = new DecodeContext();
    const run = () => {
      for (let i = 0; i < PACKETS; i++) {
        mixture.frame(frame, i);
        decode(frame, packet, context);
      }
    };
    return { run, flows: () => 0 };
  },
};

const decodeAndFlow: Stage = {
  name: "decode + flow",
  prepare: () => {
    const packet = new Packet();
    const context = new DecodeContext();
    const table = new FlowTable({ capacity: CAPACITY, seed: SEED });
    const tracker = new FlowTracker({ table });
    const run = () => {
      for (let i = 0; i < PACKETS; i++) {
        mixture.frame(frame, i);
        decode(frame, packet, context);
        tracker.update(packet);
      }
    };
    return { run, flows: () => tracker.connections.created };
  },
};

const whole: Stage = {
  name: "whole pipeline, examples' policies",
  prepare: () => {
    const keeper = new PolicyKeeper({ protectedConnections: [], protectedPorts: [] });
    const round = keeper.take(loadPolicyDirectory({ directory: EXAMPLES, standalone: true, check: checkSignatures }));
    const pipeline = new Pipeline({
      compiled: round.compiled,
      stop: new Int32Array(new SharedArrayBuffer(4)),
      tableCapacity: CAPACITY,
      seed: SEED,
      markKey: [1, 2],
      recorder: { onDecision() {}, onOutcome() {} },
      labelOf: () => 0,
    });
    const run = () => {
      for (let i = 0; i < PACKETS; i++) {
        mixture.frame(frame, i);
        if (pipeline.step(frame) > 0) pipeline.outbox.clear();
      }
    };
    return { run, flows: () => pipeline.tracker.connections.created };
  },
};

function measure({ name, prepare }: Stage): MemoryCost {
  const nsPerPacket: number[] = [];
  let allocated = Infinity;
  let flows = 0;
  for (let round = 0; round < WARM_UP_RUNS + RUNS; round++) {
    let ns = 0;
    let packets = 0;
    while (ns < LONG_ENOUGH_NS) {
      const stage = prepare();
      collect();
      const heap = process.memoryUsage().heapUsed;
      const start = threadTimeNs();
      stage.run();
      ns += threadTimeNs() - start;
      packets += PACKETS;
      const grown = process.memoryUsage().heapUsed - heap;
      flows = stage.flows();
      // Below 0: a collection ran between; the least of the others is what the path itself takes.
      if (round >= WARM_UP_RUNS && grown >= 0) allocated = Math.min(allocated, grown / PACKETS);
    }
    if (round >= WARM_UP_RUNS) nsPerPacket.push(ns / packets);
  }
  return { stage: name, nsPerPacket, allocatedBytesPerPacket: allocated, bytesPerPacket: mixture.byteCount / PACKETS, packets: PACKETS, flows };
}

if (import.meta.main) {
  const stage = { decode: decodeOnly, flow: decodeAndFlow, pipeline: whole }[process.argv[2] as "decode" | "flow" | "pipeline"];
  console.log(JSON.stringify(measure(stage)));
}
