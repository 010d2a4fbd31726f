/** What every scene of the demo stands on: the lab, the sensor, and how a scene tells its story. */
import { styleText } from "node:util";
import type { Agent, WireNetwork } from "../mod.ts";
import type { SensorEvent, SensorProcess } from "../sensor.ts";

export interface Stage {
  readonly net: WireNetwork;
  readonly sensor: SensorProcess;
  readonly client: Agent;
  readonly server: Agent;
  readonly outside: Agent;
  /** One line of the timeline. */
  say(text: string): void;
}

export interface Result {
  readonly scene: string;
  readonly ok: boolean;
  readonly story: string;
}

export interface Scene {
  readonly title: string;
  /** Throws, or returns in one line what happened. */
  play(stage: Stage): Promise<string>;
}

const colours = process.stdout.isTTY === true;

export function bold(text: string): string {
  return colours ? styleText("bold", text) : text;
}

export function verdict(ok: boolean): string {
  const text = ok ? "ok" : "FAILED";
  return colours ? styleText(ok ? "green" : "red", text) : text;
}

/** @throws what should have been, where it is not. */
export function expectThat(condition: boolean, what: string): void {
  if (!condition) throw new Error(`expected that ${what}`);
}

export function milliseconds(microseconds: number | undefined): string {
  return microseconds === undefined ? "-" : `${(microseconds / 1000).toFixed(2)} ms`;
}

export function bytesText(bytes: number): string {
  if (bytes < 10_000) return `${bytes} B`;
  return bytes < 10_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** The numbers of an outcome that people care about. */
export function outcomeText({ flowreset }: SensorEvent, passed?: number): string {
  const { outcome, reason, time_to_first_rst_us: first, time_to_confirmed_us: confirmed, rsts } = flowreset;
  const leak = passed === undefined ? "" : `; ${bytesText(passed)} passed after the bad byte`;
  return `RST left after ${milliseconds(first)}${leak}; ${outcome} (${reason}) ${milliseconds(confirmed)} later, ${rsts} RSTs`;
}
