/**
 * Epochs of policies: since which of them each rule is there, and the automata are what they are. A flow remembers the
 * epoch that it was last looked at under.
 */
import { type Renumbering, sameLiterals } from "./carryOver.ts";
import type { CompiledDetection } from "./compiled.ts";

/** Epochs are 1 to this; 0 and 0xffff are what a new flow's record holds. */
export const LAST_EPOCH = 0xfffe;

export class Epochs {
  now = 1;
  automataSince = 1;
  ruleSince: Int32Array;

  constructor({ ruleCount }: CompiledDetection) {
    this.ruleSince = new Int32Array(ruleCount).fill(1);
  }

  swap(old: CompiledDetection, fresh: CompiledDetection, { rules }: Renumbering): void {
    this.now = this.now === LAST_EPOCH ? 1 : this.now + 1;
    const since = new Int32Array(fresh.ruleCount).fill(this.now);
    for (let rule = 0; rule < old.ruleCount; rule++) if (rules[rule]! >= 0) since[rules[rule]!] = this.ruleSince[rule]!;
    this.ruleSince = since;
    if (!sameLiterals(old.exact, fresh.exact) || !sameLiterals(old.folded, fresh.folded)) this.automataSince = this.now;
  }

  /** True where no policy has looked at the flow yet. */
  isNew(epoch: number): boolean {
    return epoch === 0 || epoch > this.now;
  }
}
