/**
 * What holds every injection back: one shared word that every Worker looks at before it injects, a bit a cause. A
 * person on the node, the SensorFleet and the age of the policies may each set theirs.
 */
import { setStop, Stop } from "./decide/mod.ts";
import type { StopCause } from "./decide/mod.ts";
import type { StopAuthor } from "./control/mod.ts";
import type { Logger } from "./report/mod.ts";

const AUTHORS: readonly (readonly [StopCause, StopAuthor, string])[] = [
  [Stop.Emergency, "node", "emergency stop: nothing is injected"],
  [Stop.ObserveOnlyFleet, "fleet", "emergency stop of the fleet: nothing is injected"],
  [Stop.PolicyTooOld, "policy age", "what is in force is too old: nothing is injected"],
];

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

  get authors(): StopAuthor[] {
    return AUTHORS.filter(([cause]) => this.isStoppedBy(cause)).map(([, author]) => author);
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
    const [, by, words] = AUTHORS.find(([known]) => known === cause)!;
    const released = this.isStopped ? `no more of that; stopped still by: ${this.authors.join(", ")}` : "injecting again";
    this.#log.warn({ by, stopped: this.isStopped }, isOn ? words : released);
  }
}
