import { describe, expect, it } from "vitest";
import { Contact } from "./contact.ts";

const HOUR = 3_600_000;

class World {
  wallMs = 1_000 * HOUR;
  monotonicMs = 5;
  readonly contact = new Contact({ wallMs: () => this.wallMs, monotonicMs: () => this.monotonicMs });

  /** @param setMs by how much the clock is set besides */
  pass(ms: number, setMs = 0): void {
    this.wallMs += ms + setMs;
    this.monotonicMs += ms;
  }

  get hours(): number {
    return this.contact.ageMs / HOUR;
  }
}

describe("the age of the last contact", () => {
  it("grows with time, and ends with the next contact", () => {
    const world = new World();
    world.contact.note(world.wallMs);
    world.pass(2 * HOUR);
    expect(world.hours).toBe(2);
    world.contact.note(world.wallMs - HOUR);
    expect(world.hours).toBe(1);
  });

  it("is endless before any contact", () => expect(new World().contact.ageMs).toBe(Infinity));

  it("goes on growing when the clock is set back", () => {
    const world = new World();
    world.contact.note(world.wallMs);
    world.pass(3 * HOUR, -100 * HOUR);
    expect(world.hours).toBe(3);
    world.contact.note(1_000 * HOUR); // The same word again, which now is of a time to come.
    world.pass(HOUR);
    expect(world.hours).toBe(4);
  });

  it("counts what the disk says from then on", () => {
    const world = new World();
    world.contact.note(world.wallMs - 20 * HOUR);
    world.pass(5 * HOUR);
    expect(world.hours).toBe(25);
  });

  it("does not believe in a contact that is still to come", () => {
    const world = new World();
    world.contact.note(world.wallMs + HOUR);
    expect([world.contact.atMs, world.contact.ageMs]).toEqual([0, Infinity]);
  });
});
