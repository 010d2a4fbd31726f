/**
 * Conversations between two model hosts over a network that loses, repeats and reorders, watched in the middle by a
 * capture with gaps: in the end the tracker must know what the hosts know.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Packet } from "../decode/mod.ts";
import { Conversation } from "./conversation.fixture.ts";

const WINDOW = 60_000;
/** What each host sends, over and over: its byte `n` is that of `n % 44`. */
const TEXT = "the-quick-brown-fox-jumps-over-the-lazy-dog-".repeat(60);
const FIN = 1;
const SYN = 2;
const ACK = 16;

/** A host that sends its bytes in segments, acknowledges what is contiguous, and sends again what is not acknowledged. */
class Host {
  readonly side: number;
  readonly isn: number;
  readonly toSend: number;
  /** Relative to the ISN: SYN is 0, the first byte 1. */
  unacknowledged = 0;
  sent = 0;
  received = 0;
  peerIsn = 0;
  readonly early = new Map<number, number>();

  constructor(side: number, isn: number, toSend: number) {
    this.side = side;
    this.isn = isn;
    this.toSend = toSend;
  }

  accept(packet: Packet, peer: Host): void {
    if ((packet.flags & ACK) !== 0) {
      const acknowledged = (packet.acknowledgement - this.isn) | 0;
      if (acknowledged <= this.sent) this.unacknowledged = Math.max(this.unacknowledged, acknowledged);
    }
    const from = (packet.sequence - peer.isn) | 0;
    const length = packet.payloadLength + ((packet.flags & (SYN | FIN)) === 0 ? 0 : 1);
    if (length === 0 || from + length <= this.received || from > this.received + WINDOW) return;
    this.early.set(from, Math.max(this.early.get(from) ?? 0, length));
    for (const [start, span] of [...this.early].sort(([a], [b]) => a - b)) {
      if (start > this.received) break;
      this.received = Math.max(this.received, start + span);
      this.early.delete(start);
    }
  }
}

interface Weather {
  readonly seed: number;
  readonly loss: number;
  readonly captureLoss: number;
  readonly reorder: number;
  readonly duplicate: number;
  readonly bytes: readonly [number, number];
  readonly isns: readonly [number, number];
  readonly midstream: boolean;
}

/** Plays a whole conversation; the hosts know `received`, the tracker `next`. */
function run(weather: Weather): { world: Conversation; hosts: [Host, Host] } {
  let state = weather.seed | 0;
  const chance = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
  const world = new Conversation({ clientIsn: weather.isns[0], serverIsn: weather.isns[1] });
  const hosts: [Host, Host] = [new Host(0, weather.isns[0], weather.bytes[0]), new Host(1, weather.isns[1], weather.bytes[1])];
  let calm = false;
  const wire: { at: number; packet: Packet; to: Host; seen: boolean }[] = [];
  let clock = 0;
  const emit = (from: Host, flags: number, at: number, length: number): void => {
    const to = hosts[from.side ^ 1]!;
    const direction = from.side === 0 ? ">" : "<";
    const payload = length === 0 ? "_" : TEXT.slice(at % 44, (at % 44) + length);
    const packet = world.parse(`${direction} . ${at} 0 ${payload} win=${WINDOW}`);
    packet.flags = flags;
    if ((flags & ACK) !== 0) packet.acknowledgement = (to.isn + from.received) | 0;
    from.sent = Math.max(from.sent, at + length + ((flags & (SYN | FIN)) === 0 ? 0 : 1));
    const copies = !calm && chance() < weather.duplicate ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const late = !calm && chance() < weather.reorder ? chance() * 20 : 0;
      wire.push({ at: clock + 1 + late, packet: Object.assign(world.parse(`${direction} . 0 0`), packet), to, seen: false });
    }
  };
  const settle = (): void => {
    for (let guard = 0; wire.length > 0 && guard < 100_000; guard++) {
      wire.sort((one, two) => one.at - two.at);
      const item = wire.shift()!;
      clock = Math.max(clock, item.at);
      // Lost before the capture, missed by the capture, lost behind it.
      if (!item.seen) {
        if (!calm && chance() < weather.loss) continue;
        if (calm || chance() >= weather.captureLoss) world.feed(item.packet);
        if (!calm && chance() < weather.loss) continue;
        wire.push({ ...item, seen: true, at: item.at + 1 });
        continue;
      }
      const before = item.to.received;
      item.to.accept(item.packet, hosts[item.to.side ^ 1]!);
      const carries = item.packet.payloadLength > 0 || (item.packet.flags & (SYN | FIN)) !== 0;
      if (carries && (item.packet.flags & SYN) === 0) emit(item.to, ACK, item.to.sent, 0);
      else if (before !== item.to.received && item.to.side === 0) emit(item.to, ACK, item.to.sent, 0);
    }
  };

  // The handshake, without loss: a host would send it again, with the same numbers.
  const wasCalm = calm;
  calm = true;
  const [client, server] = hosts;
  if (weather.midstream) {
    for (const host of hosts) host.sent = host.unacknowledged = host.received = 1;
  } else {
    emit(client, SYN, 0, 0);
    settle();
    emit(server, SYN | ACK, 0, 0);
    settle();
  }
  calm = wasCalm;
  for (let round = 0; round < 400; round++) {
    let busy = false;
    for (const host of hosts) {
      const end = 1 + host.toSend;
      if (host.unacknowledged >= end) continue;
      busy = true;
      let at = host.unacknowledged;
      for (let burst = 0; burst < 8 && at < Math.min(end, host.unacknowledged + WINDOW); burst++) {
        const length = Math.min(1 + Math.floor(chance() * 1200), end - at);
        emit(host, ACK, at, length);
        at += length;
      }
    }
    settle();
    if (!busy) break;
    if (round > 300) calm = true;
  }
  // The last exchange is seen.
  calm = true;
  for (let turn = 0; turn < 2; turn++) {
    for (const host of hosts) {
      emit(host, ACK, host.sent, 10);
      settle();
    }
  }
  return { world, hosts };
}

const chanceUpTo = (limit: number) => fc.integer({ min: 0, max: 100 }).map((value) => (value / 100) * limit);
const weather = fc.record({
  seed: fc.integer(),
  loss: chanceUpTo(0.2),
  captureLoss: chanceUpTo(0.2),
  reorder: chanceUpTo(0.3),
  duplicate: chanceUpTo(0.2),
  bytes: fc.tuple(fc.nat(30_000), fc.nat(30_000)),
  isns: fc.tuple(fc.integer(), fc.integer()),
  midstream: fc.boolean(),
});

describe("FlowTracker knows what the hosts know", () => {
  it("in the end, after loss, repetition, reordering and gaps of the capture", () => {
    fc.assert(
      fc.property(weather, (given) => {
        const { world, hosts } = run(given);
        expect([world.next(0), world.next(1)]).toEqual([hosts[1].received, hosts[0].received]);
        expect([hosts[0].sent, hosts[1].sent]).toEqual([hosts[1].received, hosts[0].received]);
        expect(world.tracker.reassembly.pool.nodesUsed).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it("and has every byte, where the capture missed nothing", () => {
    fc.assert(
      fc.property(weather, (given) => {
        const { world, hosts } = run({ ...given, captureLoss: 0, midstream: false });
        for (const host of hosts) {
          const whole = TEXT.slice(0, 44).repeat(Math.ceil((host.sent + 1) / 44));
          expect(world.stream[host.side]).toBe(whole.slice(1, host.sent));
        }
        expect(world.flagNames.filter((name) => /Gap|Ambiguous|Contested/.test(name))).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it("the same in every run", () => {
    const given = { seed: 5, loss: 0.1, captureLoss: 0.1, reorder: 0.2, duplicate: 0.1, bytes: [9000, 9000], isns: [-5, 5], midstream: false } as const;
    const [one, two] = [run(given).world, run(given).world];
    expect(one.table.words).toEqual(two.table.words);
    expect(one.stream).toEqual(two.stream);
  });
});
