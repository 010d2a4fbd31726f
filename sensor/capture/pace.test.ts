import { describe, expect, it } from "vitest";
import { LONGEST_REST_MICROSECONDS, Pace, REST_MICROSECONDS } from "./pace.ts";

/** `count` wakes, one every `everyMs`, from `startMs` on. */
function wake(pace: Pace, count: number, everyMs: number, startMs = 1000): void {
  for (let turn = 0; turn < count; turn++) pace.woken(startMs + turn * everyMs);
}

function rest(pace: Pace, count: number, packets: number): void {
  for (let turn = 0; turn < count; turn++) pace.rested(packets);
}

describe("Pace", () => {
  it("sleeps by the packet while packets come slowly", () => {
    const pace = new Pace();
    wake(pace, 1000, 0.1);
    expect(pace.restMs).toBe(0);
  });

  it("rests once packets come fast", () => {
    const pace = new Pace();
    wake(pace, 33, 0.01);
    expect(pace.restMs).toBe(REST_MICROSECONDS / 1000);
  });

  it("does not take one burst for load", () => {
    const pace = new Pace();
    for (let burst = 0; burst < 50; burst++) wake(pace, 10, 0.005, 1000 + burst * 10);
    expect(pace.restMs).toBe(0);
  });

  it("keeps resting while rests bring packets, and stops once they do not", () => {
    const pace = new Pace();
    wake(pace, 33, 0.01);
    rest(pace, 320, 6);
    expect(pace.restMs).toBeGreaterThan(0);
    rest(pace, 64, 0);
    expect(pace.restMs).toBe(0);
    wake(pace, 33, 0.01, 2000);
    expect(pace.restMs).toBeGreaterThan(0);
  });

  it("does not swing between both at a rate in between", () => {
    const pace = new Pace();
    wake(pace, 33, 0.02);
    let changes = 0;
    for (let turn = 0; turn < 1000; turn++) {
      pace.rested(turn % 2 === 0 ? 2 : 1);
      if (pace.restMs === 0) changes++;
    }
    expect(changes).toBe(0);
  });

  it("rests longer where each rest brings many packets, up to a bound, and shorter again where they become few", () => {
    const pace = new Pace();
    wake(pace, 33, 0.01);
    rest(pace, 32, 13);
    expect(pace.restMs).toBe((REST_MICROSECONDS * 2) / 1000);
    rest(pace, 320, 26);
    expect(pace.restMs).toBe(LONGEST_REST_MICROSECONDS / 1000);
    rest(pace, 320, 2);
    expect(pace.restMs).toBe(REST_MICROSECONDS / 1000);
  });

  it("rests no longer than the shortest while somebody waits for packets, and still notices that it became quiet", () => {
    const pace = new Pace();
    wake(pace, 33, 0.01);
    for (let turn = 0; turn < 1_000; turn++) {
      pace.hurry();
      expect(pace.restMs).toBe(REST_MICROSECONDS / 1000);
      pace.rested(100);
    }
    for (let turn = 0; turn < 64; turn++) {
      pace.hurry();
      pace.rested(0);
    }
    expect(pace.restMs).toBe(0);
  });

  it.each([[{ longestRestMicroseconds: 0 }], [{ spinMicroseconds: 50 }]])("does not grow rests with %o", (options) => {
    const pace = new Pace(options);
    wake(pace, 33, 0.01);
    rest(pace, 320, 100);
    expect(pace.restMs).toBe(REST_MICROSECONDS / 1000);
  });

  it("never rests when told so", () => {
    const pace = new Pace({ restMicroseconds: 0 });
    wake(pace, 1000, 0.001);
    expect(pace.restMs).toBe(0);
  });

  it("does not take a clock that was set back for load", () => {
    const pace = new Pace();
    for (let turn = 0; turn < 100; turn++) pace.woken(1000 - turn * 50);
    expect(pace.restMs).toBe(0);
  });

  it("gives up spinning when it never helps, and takes it up when packets come close together again", () => {
    const pace = new Pace({ spinMicroseconds: 200 });
    expect(pace.spinMicroseconds).toBe(200);
    for (let turn = 0; turn < 64; turn++) pace.spun(false);
    expect(pace.spinMicroseconds).toBe(0);
    pace.woken(1000);
    pace.woken(1005);
    expect(pace.spinMicroseconds).toBe(0);
    pace.woken(1005.1);
    expect(pace.spinMicroseconds).toBe(200);
  });

  it("keeps spinning while it helps now and then", () => {
    const pace = new Pace({ spinMicroseconds: 200 });
    for (let turn = 0; turn < 1000; turn++) pace.spun(turn % 50 === 0);
    expect(pace.spinMicroseconds).toBe(200);
  });
});
