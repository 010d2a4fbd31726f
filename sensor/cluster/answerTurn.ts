/**
 * When a sensor that has nothing to tell of a FlowReset says that it has looked. Most FlowResets are finished by those
 * who found the connection before anyone else need speak; of one that stays open the operator waits for all sensors,
 * which answer spread over a moment, so that a fleet of thousands does not answer at once.
 */
import { SETTLE_MS } from "./observedVersion.ts";

/** Of a FlowReset that names addresses: so long others have to find it. The operator waits longer (ANSWER_WAIT_MS). */
const OTHERS_FIRST_MS = 1_000;

export interface AnswerTurnOptions {
  /** Posts a report. */
  readonly answer: () => void;
  /** Over how long all sensors together answer, as the operator wants it. */
  readonly spreadMs: () => number;
  /** Monotonic, as `lastReportMs`. */
  readonly nowMs: () => number;
  /** When the last report that was taken was made; -Infinity for none. */
  readonly lastReportMs: () => number;
  /** 0 to 1. */
  readonly random?: () => number;
}

export class AnswerTurn {
  readonly #options: AnswerTurnOptions;
  /** Open FlowResets, by uid: when each was seen. */
  readonly #open = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Infinity;
  #answeredMs = -Infinity;

  constructor(options: AnswerTurnOptions) {
    this.#options = options;
  }

  /** `othersFirst`: it names addresses, none of which is here. */
  onOpen(uid: string, othersFirst: boolean): void {
    const { nowMs, spreadMs, random = Math.random } = this.#options;
    const seenMs = nowMs();
    this.#open.set(uid, seenMs);
    this.#answerAt(Math.max(seenMs + (othersFirst ? OTHERS_FIRST_MS : SETTLE_MS) + random() * spreadMs(), this.#answeredMs + spreadMs()));
  }

  /** Finished or deleted: nobody waits any more. */
  onClosed(uid: string): void {
    if (this.#open.delete(uid) && this.#open.size === 0) this.close();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#dueMs = Infinity;
  }

  #answerAt(dueMs: number): void {
    if (dueMs >= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => this.#turn(), Math.ceil(dueMs - this.#options.nowMs())).unref();
  }

  #turn(): void {
    this.#dueMs = Infinity;
    const { nowMs, spreadMs, lastReportMs, answer } = this.#options;
    const asOfMs = nowMs();
    // A report says nothing yet of what came within the last moment.
    this.#forgetUntil(lastReportMs() - SETTLE_MS);
    if (this.#open.size === 0) return;
    this.#answeredMs = asOfMs;
    this.#forgetUntil(asOfMs - SETTLE_MS);
    answer();
    if (this.#open.size > 0) this.#answerAt(asOfMs + Math.max(SETTLE_MS, spreadMs()));
  }

  #forgetUntil(ms: number): void {
    for (const [uid, seenMs] of this.#open) if (seenMs <= ms) this.#open.delete(uid);
  }
}
