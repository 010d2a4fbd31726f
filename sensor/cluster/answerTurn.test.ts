import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AnswerTurn } from "./answerTurn.ts";

/** A sensor whose answers are reports, in a fleet whose operator wants 400 a second. */
class Answering {
  readonly answersMs: number[] = [];
  lastReportMs = -Infinity;
  readonly turn: AnswerTurn;

  constructor(sensors: number, random: number) {
    this.turn = new AnswerTurn({
      answer: () => this.answersMs.push((this.lastReportMs = performance.now())),
      spreadMs: () => sensors * 2.5,
      nowMs: () => performance.now(),
      lastReportMs: () => this.lastReportMs,
      random: () => random,
    });
  }
}

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

describe("a sensor that has nothing to tell of a FlowReset", () => {
  const rows: [name: string, sensors: number, random: number, othersFirst: boolean, answersMs: number[]][] = [
    ["answers at once where it names no address, and the fleet is small", 2, 0, false, [250]],
    ["answers at once in a fleet of two, whatever chance says", 2, 0.999, false, [255]],
    ["lets others find it first where it names addresses", 2, 0, true, [1_000]],
    ["takes a longer moment in a fleet of thousands", 5_000, 0.999, false, [12_738]],
    ["answers before the operator gives up, 5 s and the spread", 20_000, 0.999, true, [50_950]],
  ];
  for (const [name, sensors, random, othersFirst, answersMs] of rows) {
    it(name, () => {
      const { turn, answersMs: told } = new Answering(sensors, random);
      turn.onOpen("a", othersFirst);
      vi.advanceTimersByTime(120_000);
      expect(told.map(Math.round)).toEqual(answersMs);
    });
  }

  it("says nothing of one that is finished by then", () => {
    const { turn, answersMs } = new Answering(5_000, 0);
    turn.onOpen("a", true);
    vi.advanceTimersByTime(900);
    turn.onClosed("a");
    vi.advanceTimersByTime(20_000);
    expect(answersMs).toEqual([]);
  });

  it("says nothing of one that a report of its own spoke of, and of one that came just before that report again", () => {
    const answering = new Answering(2, 0);
    answering.turn.onOpen("a", true);
    vi.advanceTimersByTime(249);
    answering.lastReportMs = performance.now();
    vi.advanceTimersByTime(751);
    expect(answering.answersMs).toEqual([1_000]);
    answering.turn.onOpen("b", true);
    vi.advanceTimersByTime(250);
    answering.lastReportMs = performance.now();
    vi.advanceTimersByTime(20_000);
    expect(answering.answersMs).toEqual([1_000]);
  });

  it("answers for many with one report, and spares the operator the next for a while", () => {
    const { turn, answersMs } = new Answering(5_000, 0);
    for (let count = 0; count < 300; count++) {
      turn.onOpen(`kill-${count}`, true);
      vi.advanceTimersByTime(100);
    }
    vi.advanceTimersByTime(20_000);
    expect(answersMs.length).toBe(4);
    expect(answersMs.at(-1)!).toBeGreaterThanOrEqual(29_900 + 250);
    for (const [index, ms] of answersMs.entries()) expect(ms - (answersMs[index - 1] ?? -12_500)).toBeGreaterThanOrEqual(12_500);
  });
});
