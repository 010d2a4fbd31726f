/**
 * What holds every injection back: one shared word that every Worker looks at before it injects, a bit a cause. A
 * person on the node, the SensorFleet and the age of the policies may each set theirs.
 */
import { setStop, Stop } from "./decide/mod.ts";
import type { StopCause } from "./decide/mod.ts";
import type { Logger } from "./report/mod.ts";

const WORDS: Readonly<Record<number, string>> = { [Stop.Emergency]: "node", [Stop.ObserveOnlyFleet]: "fleet", [Stop.PolicyTooOld]: "policy age" };

export class StopSwitch {
  readonly word = new Int32Array(new SharedArrayBuffer(4));
  readonly #log: Logger;
  #onChange: () => void = () => {};

  constructor(log: Logger) {
    this.#log = log;
  }

  get isStopped(): boolean {
    return Atomics.load(this.word, 0) !== Stop.No;
  }

  isStoppedBy(cause: StopCause): boolean {
    return (Atomics.load(this.word, 0) & cause) !== 0;
  }

  /** Called after the word has changed, from now on; at once where it is set already. */
  follow(onChange: () => void): void {
    this.#onChange = onChange;
    if (this.isStopped) onChange();
  }

  set(cause: StopCause, isOn: boolean): void {
    if (!setStop(this.word, cause, isOn)) return;
    this.#onChange();
    const words = isOn ? "emergency stop: nothing is injected" : this.isStopped ? "one emergency stop is lifted, another stays: nothing is injected" : "injecting again";
    this.#log.warn({ by: WORDS[cause], stopped: this.isStopped }, words);
  }
}
