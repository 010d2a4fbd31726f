/** Tells people what is going on while something long goes on: which of how many, how long so far, how long it usually takes. */
import { stderr } from "node:process";

const TELL_EVERY_MS = 10_000;

export interface Step {
  readonly name: string;
  /** On a machine like the one it was measured on; a hint, not a limit. */
  readonly usualSeconds: number;
}

export class Progress {
  readonly #steps: readonly Step[];
  readonly #verb: string;
  readonly #startMs = performance.now();

  /** @param verb what is done to each step, shown before its name. */
  constructor(steps: readonly Step[], verb = "building") {
    this.#steps = steps;
    this.#verb = verb;
  }

  /** Does one of the steps, and tells of it when it starts, every ten seconds, and when it has ended. */
  async during<T>(name: string, work: () => Promise<T>): Promise<T> {
    const index = this.#steps.findIndex((step) => step.name === name);
    const place = `[${index + 1}/${this.#steps.length}] ${this.#verb} ${name}`;
    const left = this.#steps.slice(index).reduce((sum, step) => sum + step.usualSeconds, 0);
    const startMs = performance.now();
    stderr.write(`${place} (usually ${clock(this.#steps[index]!.usualSeconds)}; ${clock(left)} to the end of all)\n`);
    const timer = setInterval(() => stderr.write(`${place}: ${clock(since(startMs))}\n`), TELL_EVERY_MS);
    try {
      const result = await work();
      stderr.write(`${place}: done in ${clock(since(startMs))}, ${clock(since(this.#startMs))} in all\n`);
      return result;
    } finally {
      clearInterval(timer);
    }
  }
}

function since(startMs: number): number {
  return (performance.now() - startMs) / 1000;
}

/** 75 seconds as "1:15". */
function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
