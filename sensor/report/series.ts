/**
 * Counters that have labels: resets by (policy, target, outcome, reason) and verdicts by (policy, verdict, reason).
 * A small open-addressing table in shared memory that one Worker writes and the main thread reads, so that a
 * label set is bounded by construction: past `MAX_SERIES` everything counts in one series labelled "other".
 */

export const SeriesKind = { Reset: 1, Verdict: 2 } as const;

export const MAX_SERIES = 1024;
/** Half full at most, so that a probe stays short. */
const SLOTS = MAX_SERIES * 2;

/** One series as read: `a` is target and `b` outcome of a reset; `a` is the verdict of a verdict, `b` 0. */
export interface Series {
  kind: number;
  policy: number;
  a: number;
  b: number;
  reason: number;
  value: number;
}

export class SeriesTable {
  /** 0 while free, else the packed labels. Slot SLOTS is the overflow series. */
  readonly #keys: Int32Array;
  readonly #values: Float64Array;
  #used = 0;

  static readonly bytes = SLOTS * 4 + (SLOTS + 2) * 8;

  constructor(buffer: SharedArrayBuffer, byteOffset: number) {
    this.#keys = new Int32Array(buffer, byteOffset, SLOTS);
    this.#values = new Float64Array(buffer, byteOffset + SLOTS * 4, SLOTS + 2);
    for (let slot = 0; slot < SLOTS; slot++) if (this.#keys[slot] !== 0) this.#used++;
  }

  /** `policy` is a label of LabelTable (0 to 1023); target and outcome 0 to 15; reason 0 to 255. */
  countReset(policy: number, target: number, outcome: number, reason: number): void {
    this.#count(pack(SeriesKind.Reset, policy, target, outcome, reason));
  }

  countVerdict(policy: number, verdict: number, reason: number): void {
    this.#count(pack(SeriesKind.Verdict, policy, verdict, 0, reason));
  }

  /** Counted since the start without a series of their own, resets and verdicts apart. */
  get overflowResets(): number {
    return this.#values[SLOTS];
  }

  get overflowVerdicts(): number {
    return this.#values[SLOTS + 1];
  }

  /** Main thread. The visited object is reused. */
  forEach(visit: (series: Readonly<Series>) => void): void {
    const series: Series = { kind: 0, policy: 0, a: 0, b: 0, reason: 0, value: 0 };
    for (let slot = 0; slot < SLOTS; slot++) {
      const key = Atomics.load(this.#keys, slot);
      if (key === 0) continue;
      series.kind = (key >>> 26) & 3;
      series.policy = (key >>> 16) & 1023;
      series.a = (key >>> 12) & 15;
      series.b = (key >>> 8) & 15;
      series.reason = key & 255;
      series.value = this.#values[slot];
      visit(series);
    }
  }

  #count(key: number): void {
    const keys = this.#keys;
    let slot = (Math.imul(key, 0x9e3779b1) >>> 8) & (SLOTS - 1);
    while (keys[slot] !== key) {
      if (keys[slot] === 0) {
        if (this.#used === MAX_SERIES) {
          this.#values[SLOTS + (((key >>> 26) & 3) === SeriesKind.Reset ? 0 : 1)]++;
          return;
        }
        this.#used++;
        Atomics.store(keys, slot, key);
        break;
      }
      slot = (slot + 1) & (SLOTS - 1);
    }
    this.#values[slot]++;
  }
}

function pack(kind: number, policy: number, a: number, b: number, reason: number): number {
  return (
    (kind << 26) |
    ((policy >= 0 && policy < 1024 ? policy : 0) << 16) |
    ((a & 15) << 12) |
    ((b & 15) << 8) |
    (reason >= 0 && reason < 255 ? reason : 255)
  );
}
