/**
 * Counters of policies over all sensors, from what each sensor counted since its start. A leader that begins knows the
 * sum in the status, but not whose it was: until sensors have told theirs, the larger of both is true; what the status
 * has beyond them then was counted by sensors that are gone, and is added for good, less what a sensor tells that could
 * not be heard before. So a count never falls (but for a proof that is taken back), and nothing is counted twice.
 */
import type { CounterReport } from "../../crds/stream/mod.ts";
import { MAX_COUNTER_PAIRS } from "./limits.ts";

export interface Counters {
  readonly detections: number;
  readonly wouldReset: number;
  readonly reset: number;
  readonly confirmed: number;
  readonly suppressed: number;
}

const NAMES = ["detections", "wouldReset", "reset", "confirmed", "suppressed"] as const;
const SIZE = NAMES.length;
/** A connection that moved after its proof is confirmed no more: its sensor says one fewer. */
const TAKEN_BACK = "confirmed";

interface Account {
  /** Of each sensor, what it counted in its session. */
  readonly bySensor: Map<string, { session: string; values: Float64Array }>;
  /** Of all sensors that are known, and of earlier sessions of theirs. */
  readonly sum: Float64Array;
  /** What the status said when the leader began. */
  readonly floor: Float64Array;
  /** What the status had beyond the sum when that was settled, and what sensors counted that are gone since. */
  readonly beyond: Float64Array;
}

export class CounterLedger {
  readonly #accounts = new Map<string, Account>();
  #pairs = 0;
  #leftOut = 0;
  #isSettled = false;

  /** A policy appears, with what its status says. A second time changes nothing. */
  open(uid: string, written: Partial<Counters> | undefined): void {
    if (this.#accounts.has(uid)) return;
    const floor = Float64Array.from(NAMES, (name) => written?.[name] ?? 0);
    const account: Account = { bySensor: new Map(), sum: new Float64Array(SIZE), floor, beyond: new Float64Array(SIZE) };
    // One that appears later was not counted by an earlier leader, or its counts are all there.
    if (this.#isSettled) account.beyond.set(floor);
    this.#accounts.set(uid, account);
  }

  close(uid: string): void {
    this.#pairs -= this.#accounts.get(uid)?.bySensor.size ?? 0;
    this.#accounts.delete(uid);
  }

  /** A sensor is gone. One that tells on is late: it takes out of `beyond` again what it tells anew. */
  forget(node: string): void {
    if (!this.#isSettled) return; // What it told is not told apart from the status yet.
    for (const { bySensor, sum, beyond } of this.#accounts.values()) {
      const entry = bySensor.get(node);
      if (entry === undefined) continue;
      for (let index = 0; index < SIZE; index++) {
        sum[index]! -= entry.values[index]!;
        beyond[index]! += entry.values[index]!;
      }
      bySensor.delete(node);
      this.#pairs--;
    }
  }

  /**
   * @param isLate the sensor has counted since before this leader, which has just begun to hear it
   * @returns whether anything moved. Cumulative: the same report twice moves nothing.
   */
  take(node: string, session: string, { uid, ...counted }: CounterReport, isLate = false): boolean {
    const account = this.#accounts.get(uid);
    if (account === undefined) return false;
    let entry = account.bySensor.get(node);
    // Sensors tell of all their policies, of most of them that they did nothing.
    if (entry === undefined && NAMES.every((name) => counted[name] === 0)) return false;
    const isFirst = entry?.session !== session;
    if (entry === undefined) {
      if (this.#pairs >= MAX_COUNTER_PAIRS) {
        this.#leftOut++;
        return false;
      }
      this.#pairs++;
      entry = { session, values: new Float64Array(SIZE) };
      account.bySensor.set(node, entry);
    }
    if (entry.session !== session) {
      entry.session = session;
      entry.values.fill(0);
    }
    let hasMoved = false;
    for (let index = 0; index < SIZE; index++) {
      const grown = counted[NAMES[index]!] - entry.values[index]!;
      if (grown === 0 || (grown < 0 && NAMES[index] !== TAKEN_BACK)) continue;
      entry.values[index]! += grown;
      account.sum[index]! += grown;
      // The status may have it already.
      if (isFirst && isLate && this.#isSettled) account.beyond[index] = Math.max(0, account.beyond[index]! - grown);
      hasMoved = true;
    }
    return hasMoved;
  }

  /** Sensors have told what they counted before this leader was. */
  settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    for (const { sum, floor, beyond } of this.#accounts.values()) {
      for (let index = 0; index < SIZE; index++) beyond[index] = Math.max(0, floor[index]! - sum[index]!);
    }
  }

  of(uid: string): Counters | undefined {
    const account = this.#accounts.get(uid);
    if (account === undefined) return undefined;
    const { sum, floor, beyond } = account;
    const value = (index: number) => (this.#isSettled ? sum[index]! + beyond[index]! : Math.max(sum[index]!, floor[index]!));
    return { detections: value(0), wouldReset: value(1), reset: value(2), confirmed: value(3), suppressed: value(4) };
  }

  get figures(): { readonly pairs: number; readonly leftOut: number } {
    return { pairs: this.#pairs, leftOut: this.#leftOut };
  }
}
