/**
 * When to sleep by the packet and when by the clock. Waking for a packet costs 3 to 4 us and answers in tens of us;
 * under load a rest of tens of us between drains costs a quarter of that a packet. Pure: told what happened, says
 * what to do. Time comes from the packets.
 */
export interface PaceOptions {
  /** Rest between drains under load; 0: wake for every packet always. */
  restMicroseconds?: number;
  /** What a rest grows to where each brings many packets. */
  longestRestMicroseconds?: number;
  /** Look at the ring for so long after the last packet before going to sleep; 0: never. Costs up to a whole core. */
  spinMicroseconds?: number;
}

export const REST_MICROSECONDS = 100;
/**
 * A rest costs the same however long it is: 16 us of a virtual machine's processor, as much as 30 packets. 500 us would save
 * a third of the cost at 100,000 packets a second, and make the mean reaction 150 us slower.
 */
export const LONGEST_REST_MICROSECONDS = 200;
/** Wakes that are looked at together. */
const WINDOW_WAKES = 32;
/** Faster than this a wake: load. At one wake every 40 us resting is the cheaper way. */
const BUSY_WAKE_MS = 0.04;
/** Rests that are looked at together, and how few packets they may bring before it is quiet again. */
const WINDOW_RESTS = 32;
const QUIET_PACKETS = 32;
/** Rests double where these bring so many packets, and halve where they bring so few. */
const MANY_PACKETS = WINDOW_RESTS * 8;
const FEW_PACKETS = WINDOW_RESTS * 3;
/** Fruitless spins in a row after which spinning pauses until packets come close together again. */
const FRUITLESS_SPINS = 64;

export class Pace {
  /** Milliseconds to rest before the next drain; 0 while quiet. */
  restMs = 0;
  spinMicroseconds: number;
  /** The last drain ended at its bound: more is waiting, do not rest. */
  backlog = false;
  readonly #busyRestMs: number;
  readonly #longestRestMs: number;
  readonly #spinMicroseconds: number;
  #wakes = 0;
  #windowStartMs = 0;
  #lastWakeMs = 0;
  #rests = 0;
  #restPackets = 0;
  #fruitless = 0;

  constructor(options: PaceOptions = {}) {
    this.#busyRestMs = (options.restMicroseconds ?? REST_MICROSECONDS) / 1000;
    // Who spends a core on looking wants no long rests.
    const longest = (options.spinMicroseconds ?? 0) > 0 ? 0 : (options.longestRestMicroseconds ?? LONGEST_REST_MICROSECONDS);
    this.#longestRestMs = Math.max(this.#busyRestMs, longest / 1000);
    this.#spinMicroseconds = options.spinMicroseconds ?? 0;
    this.spinMicroseconds = this.#spinMicroseconds;
  }

  /** A packet with this timestamp ended a sleep. */
  woken(timestampMs: number): void {
    const gapMs = timestampMs - this.#lastWakeMs;
    this.#lastWakeMs = timestampMs;
    if (this.spinMicroseconds === 0 && gapMs * 1000 < this.#spinMicroseconds) {
      this.spinMicroseconds = this.#spinMicroseconds;
      this.#fruitless = 0;
    }
    if (this.#wakes++ === 0) this.#windowStartMs = timestampMs;
    if (this.#wakes <= WINDOW_WAKES) return;
    const elapsedMs = timestampMs - this.#windowStartMs;
    this.#wakes = 0;
    if (elapsedMs >= 0 && elapsedMs < WINDOW_WAKES * BUSY_WAKE_MS) {
      this.restMs = this.#busyRestMs;
      this.#rests = 0;
      this.#restPackets = 0;
    }
  }

  /** A rest is over and brought `packets`. */
  rested(packets: number): void {
    this.#restPackets += packets;
    if (++this.#rests < WINDOW_RESTS) return;
    if (this.#restPackets < QUIET_PACKETS) {
      this.restMs = 0;
      this.#wakes = 0;
    } else if (this.#restPackets >= MANY_PACKETS) {
      this.restMs = Math.min(this.restMs * 2, this.#longestRestMs);
    } else if (this.#restPackets < FEW_PACKETS) {
      this.restMs = Math.max(this.restMs / 2, this.#busyRestMs);
    }
    this.#rests = 0;
    this.#restPackets = 0;
  }

  /** Somebody waits for what packets say: the next rest is no longer than the shortest. */
  hurry(): void {
    if (this.restMs > this.#busyRestMs) this.restMs = this.#busyRestMs;
  }

  /** A spin is over. */
  spun(hit: boolean): void {
    this.#fruitless = hit ? 0 : this.#fruitless + 1;
    if (this.#fruitless >= FRUITLESS_SPINS) this.spinMicroseconds = 0;
  }
}
