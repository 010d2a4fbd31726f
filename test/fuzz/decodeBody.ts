/**
 * A damaged packet through decode, twice: with zeroes around the frame and with ones. Whatever is read outside the
 * frame makes the two differ.
 */
import {
  DECODE_REASON_COUNT,
  decode,
  DecodeContext,
  DecodeReason,
  decodeReasonName,
  Frame,
  MAX_TUNNELS,
  Packet,
} from "../../sensor/decode/mod.ts";
import { FRAME_OFFSET, Mutator } from "./mutate.ts";
import { Random } from "./random.ts";
import { builtSeeds, corpusSeeds, type SeedPacket } from "./seeds.ts";
import { seedOfRun, serve } from "./watch.ts";

const FRAGMENT_LIMIT_BYTES = 4 << 20;

const random = new Random(seedOfRun());
const mutator = new Mutator(random);
const built: readonly SeedPacket[] = builtSeeds().flatMap(({ packets }) => packets);
const corpus: readonly SeedPacket[] = (await corpusSeeds()).flatMap(({ packets }) => packets);

/** Contexts of both surroundings, by what they make of checksums and tunnels. */
const options = [{ checksum: "trust" }, { checksum: "verify" }, { checksum: "trust", superPacketBytes: 65_535 }] as const;
const ones = options.map((option) => new DecodeContext({ ...option, seed: 1 }));
const zeroes = options.map((option) => new DecodeContext({ ...option, seed: 1 }));
const packet = new Packet();
const twin = new Packet();
const twinFrame = new Frame();
twinFrame.bytes = new Uint8Array(mutator.frame.bytes.length);
const scalarFields = Object.keys(packet).filter((field) => field !== "bytes") as (keyof Packet)[];
let laterMs = 0;
let decoded = 0;
let reassembled = 0;

serve({ input, check, summary });

function input(number: number): void {
  const { frame } = mutator;
  mutator.load(anySeed());
  if (!random.oneIn(16)) mutator.damage(anySeed());
  if (random.oneIn(20_000)) laterMs += 40_000;
  frame.timestampMs = laterMs + number * 0.25;
  surround();
  const context = number % options.length;
  const reason = decode(frame, packet, ones[context]!);
  const twinReason = decode(twinFrame, twin, zeroes[context]!);
  if (reason !== twinReason) throw new Error(`${decodeReasonName(reason)}, but ${decodeReasonName(twinReason)}: ${dump()}`);
  if (reason !== DecodeReason.Ok) return;
  decoded++;
  for (let index = 0; index < scalarFields.length; index++) {
    const field = scalarFields[index]!;
    if (packet[field] !== twin[field]) throw new Error(`${field} is ${packet[field]} or ${twin[field]}: ${dump()}`);
  }
  checkPacket();
}

function anySeed(): SeedPacket {
  const seeds = corpus.length > 0 && random.oneIn(2) ? corpus : built;
  return seeds[random.below(seeds.length)]!;
}

/** Ones around the frame, zeroes around its twin. */
function surround(): void {
  const { frame } = mutator;
  const end = FRAME_OFFSET + frame.capturedLength;
  frame.bytes.fill(0xff, 0, FRAME_OFFSET);
  frame.bytes.fill(0xff, end, end + 64);
  const { bytes } = twinFrame;
  Object.assign(twinFrame, frame, { bytes });
  bytes.fill(0, end, end + 64);
  for (let index = FRAME_OFFSET; index < end; index++) bytes[index] = frame.bytes[index]!;
}

function checkPacket(): void {
  const { frame } = mutator;
  const first = packet.reassembled ? 0 : FRAME_OFFSET;
  const end = packet.reassembled ? packet.bytes.length : FRAME_OFFSET + frame.capturedLength;
  if (packet.reassembled) reassembled++;
  const isOrdered =
    packet.ipOffset >= first &&
    packet.transportOffset >= packet.ipOffset + 20 &&
    packet.payloadOffset >= packet.transportOffset + 8 &&
    packet.payloadLength >= 0 &&
    packet.truncatedBytes >= 0 &&
    packet.payloadOffset + packet.payloadLength <= end;
  if (!isOrdered) throw new Error(`Offsets out of order: ${dump()}`);
  const isKnown =
    (packet.protocol === 6 || packet.protocol === 17 || packet.protocol === (packet.ipVersion === 4 ? 1 : 58)) &&
    (packet.ipVersion === 4 || packet.ipVersion === 6) &&
    packet.tunnelDepth <= MAX_TUNNELS &&
    (packet.ethernetOffset === -1 || packet.ethernetOffset === first);
  if (!isKnown) throw new Error(`Not a packet: ${dump()}`);
  if ((packet.sequence | 0) !== packet.sequence || (packet.source3 | 0) !== packet.source3) {
    throw new Error(`Not a signed word: ${dump()}`);
  }
  if (packet.reassembled) comparePayloads();
}

function comparePayloads(): void {
  for (let index = 0; index < packet.payloadLength; index++) {
    const offset = packet.payloadOffset + index;
    if (packet.bytes[offset] !== twin.bytes[offset]) throw new Error(`Reassembled byte ${index} differs: ${dump()}`);
  }
}

function check(): void {
  for (const { fragments } of ones) {
    if (fragments.heldBytes > FRAGMENT_LIMIT_BYTES) throw new Error(`Fragments hold ${fragments.heldBytes} bytes`);
  }
}

function summary(): string {
  const seen = new Set<string>();
  for (const { reasons } of ones) {
    for (let reason = 0; reason < DECODE_REASON_COUNT; reason++) if (reasons[reason]! > 0) seen.add(decodeReasonName(reason));
  }
  return JSON.stringify({ built: built.length, corpus: corpus.length, decoded, reassembled, reasons: [...seen] });
}

function dump(): string {
  const { frame } = mutator;
  const bytes = frame.bytes.slice(FRAME_OFFSET, FRAME_OFFSET + frame.capturedLength);
  return `link ${frame.linkType}, wire ${frame.wireLength}, ${Buffer.from(bytes).toString("hex")}`;
}
