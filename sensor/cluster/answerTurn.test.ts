import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AnswerTurn } from "./answerTurn.ts";

/** A sensor whose answers are reports; the pause is that of a fleet of so many, at 4 ms each. */
class Answering {
  readonly answersMs: number[] = [];
  lastReportMs = -Infinity;
  readonly turn: AnswerTurn;

  constructor(sensors: number, random: number) {
    this.turn = new AnswerTurn({
      answer: () => this.answersMs.push((this.lastReportMs = performance.now())),
      pauseMs: () => Math.max(1_000, sensors * 4),
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
    ["answers within half a second more, by chance", 2, 0.999, false, [750]],
    ["lets others find it first where it names addresses", 2, 0, true, [1_000]],
    ["takes a longer moment in a fleet of thousands", 5_000, 0.999, false, [3_247]],
    ["answers before the operator gives up", 20_000, 0.999, true, [3_997]],
  ];
  for (const [name, sensors, random, othersFirst, answersMs] of rows) {
    it(name, () => {
      const { turn, answersMs: told } = new Answering(sensors, random);
      turn.onOpen("a", othersFirst);
      vi.advanceTimersByTime(20_000);
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
    for (let count = 0; count < 60; count++) {
      turn.onOpen(`kill-${count}`, true);
      vi.advanceTimersByTime(100);
    }
    vi.advanceTimersByTime(20_000);
    expect(answersMs.length).toBeLessThanOrEqual(4);
    expect(answersMs.at(-1)!).toBeGreaterThanOrEqual(5_900 + 250);
    for (const [index, ms] of answersMs.entries()) expect(ms - (answersMs[index - 1] ?? -3_000)).toBeGreaterThanOrEqual(3_000);
  });
});
