/**
 * Conversations through decode and flow, many at once: packets as they are, damaged, again, in another order, with
 * other bytes at the same place, at other interfaces, with forged numbers; time runs, jumps and goes backwards.
 */
import { add, decode, DecodeContext, DecodeReason, Packet, Protocol } from "../../sensor/decode/mod.ts";
import {
  FlowEvent,
  FlowFlag,
  type FlowLimits,
  FlowState,
  FlowTable,
  FlowTracker,
  type Homes,
  InterfaceKind,
  type StreamSink,
} from "../../sensor/flow/mod.ts";
import { Mutator } from "./mutate.ts";
import { Random } from "./random.ts";
import { builtSeeds, corpusSeeds, type SeedConversation } from "./seeds.ts";
import { seedOfRun, serve } from "./watch.ts";

/** Small enough to be full all the time. */
const CAPACITY = 512;
const LIMITS: Partial<FlowLimits> = {
  reassemblyBytesPerSide: 16 * 1024,
  reassemblyBytes: 256 * 1024,
  segmentsPerSide: 64,
  segments: 1024,
};
const CURSORS = 8;
const POD_INTERFACE = 2;

const random = new Random(seedOfRun());
const mutator = new Mutator(random);
const built = builtSeeds();
const corpus = await corpusSeeds();
const context = new DecodeContext({ checksum: "trust", seed: 2 });
const packet = new Packet();
const table = new FlowTable({ capacity: CAPACITY, seed: random.next() });
const homes: Homes = {
  // Every fourth address lives in a pod.
  homeOf: (_0, _1, _2, word3) => ((word3 & 3) === 1 ? POD_INTERFACE : 0),
  kindOf: (index) => (index === POD_INTERFACE ? InterfaceKind.Pod : InterfaceKind.Bridge),
};

let evicted = 0;
let delivered = 0;
let alternates = 0;
let gaps = 0;
let events = 0;
let nowMs = 1_700_000_000_000;

const stream: StreamSink = {
  onBytes(slot, side, bytes, offset, length) {
    checkBytes(slot, side, bytes, offset, length);
    delivered += length;
  },
  onAlternate(slot, side, bytes, offset, length) {
    checkBytes(slot, side, bytes, offset, length);
    alternates += length;
  },
  onGap(slot, side) {
    checkSlot(slot, side);
    gaps++;
  },
};
const tracker = new FlowTracker({ table, stream, limits: LIMITS, homes, onEvict: () => evicted++ });

/** Where each of some conversations stands, and what makes its tuple its own. */
class Cursor {
  conversation: SeedConversation = built[0]!;
  position = 0;
  key = 0;
}
const cursors = Array.from({ length: CURSORS }, () => new Cursor());
cursors.forEach(restart);

serve({ input, check, summary });

function restart(cursor: Cursor): void {
  const from = corpus.length > 0 && random.oneIn(2) ? corpus : built;
  cursor.conversation = from[random.below(from.length)]!;
  cursor.position = 0;
  // Few keys, so that tuples come again while their old flow lives.
  cursor.key = random.below(4000);
}

function input(): void {
  const cursor = cursors[random.below(CURSORS)]!;
  const { packets } = cursor.conversation;
  mutator.load(packets[cursor.position]!);
  if (random.oneIn(5)) mutator.damage(packets[random.below(packets.length)]!);
  step(cursor, packets.length);
  passTime();
  const { frame } = mutator;
  frame.timestampMs = nowMs;
  frame.interfaceIndex = random.oneIn(3) ? POD_INTERFACE : 1;
  if (decode(frame, packet, context) !== DecodeReason.Ok) return;
  packet.source3 ^= cursor.key;
  packet.destination3 ^= cursor.key;
  if (random.oneIn(4)) forge();
  update();
}

/** Mostly the next packet; sometimes the same again, one before, one far away. */
function step(cursor: Cursor, count: number): void {
  const way = random.below(16);
  if (way === 0) return;
  if (way === 1) cursor.position = random.below(count);
  else if (way === 2 && cursor.position > 0) cursor.position--;
  else if (++cursor.position >= count) restart(cursor);
}

function passTime(): void {
  nowMs += random.below(4) * 0.25;
  if (random.oneIn(5000)) nowMs += random.below(100_000);
  if (random.oneIn(5000)) nowMs -= random.below(1000);
  if (random.oneIn(64)) tracker.expire(nowMs, 16);
}

/** Headers that decode well and say something else: this is how segments come to overlap. */
function forge(): void {
  switch (random.below(9)) {
    case 0:
    case 1:
      packet.sequence = add(packet.sequence, random.below(64) - 32);
      return;
    case 2:
      packet.sequence = random.next();
      return;
    case 3:
      packet.acknowledgement = add(packet.acknowledgement, random.below(64) - 32);
      return;
    case 4:
      packet.flags = random.below(256);
      return;
    case 5:
      packet.payloadLength = random.below(packet.payloadLength + 1);
      return;
    case 6:
      packet.truncatedBytes = random.below(70_000);
      return;
    case 7:
      packet.window = random.below(3) * 20;
      packet.windowScale = random.below(16) - 1;
      return;
    default:
      packet.urgentPointer = random.below(packet.payloadLength + 3);
      packet.flags |= 0x30;
  }
}

function update(): void {
  const isError = packet.protocol === Protocol.Icmp || packet.protocol === Protocol.Icmp6;
  const slot = isError ? tracker.onUnreachable(packet) : tracker.update(packet);
  events |= tracker.event;
  if (slot === -1) return;
  checkSlot(slot, tracker.side);
  const state = table.state(slot);
  if (state === FlowState.Free || state > FlowState.Closed) throw new Error(`Flow ${slot} has state ${state}`);
  if ((tracker.event & (FlowEvent.Created | FlowEvent.NewConnection)) !== 0 && !random.oneIn(8)) {
    table.setFlag(slot, FlowFlag.Inspect0 | FlowFlag.Inspect1);
  }
}

function checkSlot(slot: number, side: number): void {
  if (!Number.isInteger(slot) || slot < 0 || slot >= CAPACITY || (side !== 0 && side !== 1)) {
    throw new Error(`No such flow side: ${slot}, ${side}`);
  }
}

function checkBytes(slot: number, side: number, bytes: Uint8Array, offset: number, length: number): void {
  checkSlot(slot, side);
  if (length < 1 || offset < 0 || offset + length > bytes.length) {
    throw new Error(`Bytes outside their buffer: ${offset} + ${length} of ${bytes.length}`);
  }
}

function check(): void {
  if (table.size > CAPACITY || table.size < 0) throw new Error(`The table holds ${table.size} flows`);
  const { pool } = tracker.reassembly;
  const room = LIMITS.reassemblyBytes!;
  if (pool.bytes.length > room * 2) throw new Error(`Reassembly has room for ${pool.bytes.length} bytes`);
  let flows = 0;
  for (let slot = 0; slot < CAPACITY; slot++) if (table.state(slot) !== FlowState.Free) flows++;
  if (flows !== table.size) throw new Error(`The table counts ${table.size} flows and holds ${flows}`);
}

function summary(): string {
  const refused = Array.from(tracker.refused);
  return JSON.stringify({ built: built.length, corpus: corpus.length, delivered, alternates, gaps, evicted, events, refused });
}
