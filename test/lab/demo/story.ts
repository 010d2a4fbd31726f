/** What a scene came to, in numbers, and how they are written. */
import type { SensorEvent } from "../sensor.ts";
import type { Stage } from "./stage.ts";

/** The last line of a scene, and its row in the table. Times are from the trigger, in microseconds. */
export interface Story {
  readonly text: string;
  /** The policy or file that was the reason. */
  readonly seen: string;
  readonly rstLeftUs?: number;
  /** Payload bytes that passed after the trigger. */
  readonly passedBytes?: number;
  readonly deadUs?: number;
  readonly outcome: string;
  readonly reason?: string;
  readonly rsts?: number;
}

export interface Scene {
  /** As in the issue: two scenes may share one. */
  readonly letter: string;
  /** For the table. */
  readonly name: string;
  /** What will be seen, in one line. */
  readonly title: string;
  /** Throws with what did not happen. */
  play(stage: Stage): Promise<Story>;
}

export function duration(microseconds: number): string {
  if (microseconds < 10_000) return `${(microseconds / 1000).toFixed(2)} ms`;
  return microseconds < 1e6 ? `${(microseconds / 1000).toFixed(1)} ms` : `${(microseconds / 1e6).toFixed(2)} s`;
}

export function bytesText(bytes: number): string {
  if (bytes < 10_000) return `${bytes} B`;
  if (bytes < 1e6) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`;
}

/** The sensor's own figures of a kill; `passedBytes` where somebody else has counted them. */
export function killStory({ flowreset }: SensorEvent, seen: string, passedBytes = flowreset.bytes_after_trigger ?? 0, trigger = "bad byte"): Story {
  const { outcome = "none", reason, rsts = 0, time_to_first_rst_us: rstLeftUs = 0, time_to_confirmed_us: toConfirmedUs } = flowreset;
  const deadUs = toConfirmedUs === undefined ? undefined : rstLeftUs + toConfirmedUs;
  const proof = deadUs === undefined ? "not proved dead" : `both ends proved dead after ${duration(deadUs)}`;
  return {
    text: `RST left ${duration(rstLeftUs)} after the ${trigger}; ${bytesText(passedBytes)} passed; ${proof}`,
    seen, rstLeftUs, passedBytes, outcome, reason, rsts,
    ...(deadUs === undefined ? {} : { deadUs }),
  };
}
